internal import Locking

/// The TLS side of a listener: makes the filter of each connection, and takes over new files while connections run.
/// Any thread.
public final class TLSServer: Sendable {
    /// The settings the server was made with; what is in their files may have changed since.
    public let settings: TLSSettings
    private let current: Locked<UnsafeTLSContexts>

    /// Reads and checks every file.
    public init(_ settings: TLSSettings) throws(TLSError) {
        self.settings = settings
        current = Locked(try UnsafeTLSContexts(settings))
    }

    /// Reads the files again. Connections that are open go on as they are, later ones get the new certificates; when a
    /// file is wrong nothing changes. Sessions from before are not resumed: they may rest on what was revoked.
    public func reload() throws(TLSError) {
        let made = try UnsafeTLSContexts(settings)
        current.withLock { $0 = made }
    }

    /// When the first certificate in use ends, seconds since 1970; nil when it says nothing that can be read.
    public var certificatesEnd: Int64? { current.withLock { $0 }.notAfter }

    /// The filter of a new connection.
    public func makeFilter() -> StreamFilter {
        UnsafeTLSFilter(current.withLock { $0 })
    }
}
