internal import CCurl
internal import Locking

/// Blocking HTTP requests over a few connections that are kept open. Every call into libcurl is in this file.
final class HTTPClient: @unchecked Sendable {
    // Sendable: a handle is used by one thread at a time, which `idle` sees to; the other properties do not change.
    struct Answer: Equatable {
        var status: Int
        var body: [UInt8]
    }

    /// For the log; holds no part of the request.
    struct Failure: Error, Equatable {
        let reason: String
    }

    private final class Sink {
        var bytes: [UInt8] = []
    }

    private let url: String
    private let timeout: Int
    private let authority: String?
    private let idle = Locked<[UInt]>([])

    /// Bytes of an answer; a longer one is a failure.
    static let maximumBytes = 1 << 20
    private static let maximumIdle = 8

    /// - Parameters:
    ///   - timeout: milliseconds for one request, connecting included.
    ///   - authority: PEM file with the certificates to trust; nil: those of the system.
    init(url: String, timeout: Int, authority: String? = nil) {
        self.url = url
        self.timeout = timeout
        self.authority = authority
    }

    deinit {
        for handle in idle.withLock({ $0 }) { ccurl_free(UnsafeMutableRawPointer(bitPattern: handle)) }
    }

    /// Blocks until there is an answer or time is up.
    /// - Parameter body: JSON to POST; nil: GET.
    func request(_ body: [UInt8]? = nil) throws(Failure) -> Answer {
        guard let handle = take() else { throw Failure(reason: "libcurl.so.4 is not installed") }
        defer { give(handle) }
        ccurl_reset(handle)
        let sink = Sink()
        var headers = ccurl_append(nil, "Accept: application/json")
        // Without it libcurl asks for leave before it sends more than a kilobyte, which costs a round trip.
        headers = ccurl_append(headers, "Expect:")
        if body != nil { headers = ccurl_append(headers, "Content-Type: application/json") }
        defer { ccurl_free_list(headers) }
        var code = ccurl_set_url(handle, url)
        if code == 0 { code = ccurl_set_rules(handle, timeout) }
        if code == 0, let authority { code = ccurl_set_authority(handle, authority) }
        if code == 0 { code = ccurl_set_headers(handle, headers) }
        if code == 0 { code = ccurl_set_sink(handle, Self.collect, Unmanaged.passUnretained(sink).toOpaque()) }
        if code == 0 {
            code = withExtendedLifetime(sink) {
                guard let body else { return ccurl_perform(handle) }
                return body.withUnsafeBytes { bytes in
                    let text = bytes.assumingMemoryBound(to: CChar.self).baseAddress
                    let set = ccurl_set_body(handle, text, bytes.count)
                    return set == 0 ? ccurl_perform(handle) : set
                }
            }
        }
        guard code == 0 else {
            throw Failure(reason: ccurl_error(code).map { String(cString: $0) } ?? "error \(code)")
        }
        return Answer(status: ccurl_status(handle), body: sink.bytes)
    }

    /// Takes less than it is given to end a transfer that grows too long.
    private static let collect: ccurl_sink = { bytes, size, count, user in
        guard let bytes, let user else { return 0 }
        let sink = Unmanaged<Sink>.fromOpaque(user).takeUnretainedValue()
        let (length, overflows) = size.multipliedReportingOverflow(by: count)
        guard !overflows, sink.bytes.count + length <= HTTPClient.maximumBytes else { return 0 }
        sink.bytes += UnsafeRawBufferPointer(start: bytes, count: length)
        return length
    }

    private func take() -> UnsafeMutableRawPointer? {
        if let handle = idle.withLock({ $0.popLast() }) { return UnsafeMutableRawPointer(bitPattern: handle) }
        return ccurl_new()
    }

    private func give(_ handle: UnsafeMutableRawPointer) {
        let isKept = idle.withLock { idle in
            guard idle.count < Self.maximumIdle else { return false }
            idle.append(UInt(bitPattern: handle))
            return true
        }
        if !isKept { ccurl_free(handle) }
    }
}
