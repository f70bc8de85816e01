import Glibc

/// A system call that failed: which one, and errno.
public struct SystemError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The value of errno.
    public let code: Int32
    /// Name of the system call, as in its manual page.
    public let call: String

    /// Names a failure whose errno is known.
    public init(code: Int32, call: String) {
        self.code = code
        self.call = call
    }

    /// The failure of the call just made on this thread.
    static func last(_ call: String) -> SystemError {
        SystemError(code: errno, call: call)
    }

    /// The failure as a person reads it, such as `bind: Address already in use (98)`.
    public var description: String { "\(call): \(Self.text(of: code)) (\(code))" }

    /// The system's words for an errno value.
    public static func text(of code: Int32) -> String {
        guard let text = strerror(code) else { return "error \(code)" }
        return String(cString: text)
    }
}
