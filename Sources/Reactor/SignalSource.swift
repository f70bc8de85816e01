internal import CSystem
import Glibc

/// Signals as events of a loop (signalfd): what a signal asks for is done between turns, without the limits of a
/// signal handler.
///
/// Make it before any other thread is started: the signals are blocked on the calling thread, and threads inherit
/// that; a thread that does not block them would be interrupted instead.
public final class SignalSource: DescriptorSource {
    /// The signalfd.
    public let descriptor: Int32
    private let onSignal: (Int32) -> Void

    /// Blocks `signals`, such as SIGTERM, SIGINT and SIGHUP, and calls `onSignal` on the loop's thread for each that
    /// arrives. Several of one kind that arrive together are one.
    public init(_ signals: [Int32], onSignal: @escaping (Int32) -> Void) throws(SystemError) {
        var set = sigset_t()
        sigemptyset(&set)
        for signal in signals { sigaddset(&set, signal) }
        let code = pthread_sigmask(SIG_BLOCK, &set, nil)
        guard code == 0 else { throw SystemError(code: code, call: "pthread_sigmask") }
        descriptor = signalfd(-1, &set, Int32(SFD_NONBLOCK | SFD_CLOEXEC))
        guard descriptor >= 0 else { throw .last("signalfd") }
        self.onSignal = onSignal
    }

    deinit {
        _ = close(descriptor)
    }

    /// Takes the signals that arrived.
    public func ready(now: Int64) {
        var information = signalfd_siginfo()
        let size = MemoryLayout<signalfd_siginfo>.size
        while read(descriptor, &information, size) == size {
            onSignal(Int32(truncatingIfNeeded: information.ssi_signo))
        }
    }

    /// Makes a write to a closed pipe or socket an error (EPIPE) instead of the end of the process. Once, at start.
    public static func ignoreBrokenPipe() {
        _ = signal(SIGPIPE, SIG_IGN)
    }
}
