import Glibc

/// A system call that failed: what was tried, on what, and the kernel's answer.
public struct OperationError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What was tried, such as `open /var/lib/hookline/lock`.
    public let action: String
    /// errno.
    public let code: Int32

    /// Takes errno as it stands.
    init(_ action: String) { self.init(action, code: errno) }

    init(_ action: String, code: Int32) {
        self.action = action
        self.code = code
    }

    /// Something other than the system refused.
    init(refusing action: String, because reason: String) {
        self.action = action
        code = 0
        self.reason = reason
    }

    /// Why, when the kernel was not asked.
    private var reason: String?

    /// `cannot open /x: Permission denied`
    public var description: String { "cannot \(action): \(reason ?? Self.text(of: code))" }

    /// The system's words for an errno.
    static func text(of code: Int32) -> String {
        withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer in
            guard let start = buffer.baseAddress, strerror_r(code, start, buffer.count) == 0 else {
                return "error \(code)"
            }
            return String(cString: start)
        }
    }
}
