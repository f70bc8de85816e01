import CSystem
import Glibc

/// The process that started this one, for `--exit-with-parent`.
struct ParentProcess {
    /// Sent by the kernel when the parent's starting thread ends. That need not be the end of the parent: ask
    /// ``isGone`` when it comes.
    static let signal = SIGUSR1

    private let process: pid_t

    /// Asks the kernel for ``signal``; an error when the parent was gone before that took effect.
    init() throws(OperationError) {
        process = getppid()
        guard csystem_signal_when_parent_ends(Self.signal) == 0 else {
            throw OperationError("watch the parent process")
        }
        if isGone { throw OperationError("watch the parent process", code: ESRCH) }
    }

    /// True when somebody else is the parent now.
    var isGone: Bool { getppid() != process }
}
