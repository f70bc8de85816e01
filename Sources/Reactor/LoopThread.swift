internal import CSystem
import Glibc

/// A thread that runs one event loop until the loop is stopped.
///
/// It blocks every signal that is not about itself, so that signals reach the thread that waits for them
/// (`SignalSource`).
public final class LoopThread {
    private var thread = pthread_t()
    private var isJoined = false

    private final class Start {
        let loop: EventLoop
        let name: String
        init(_ loop: EventLoop, _ name: String) {
            self.loop = loop
            self.name = name
        }
    }

    /// Starts the thread; `name` is what ps and debuggers show, cut to 15 bytes.
    public init(running loop: EventLoop, name: String) throws(SystemError) {
        let start = Unmanaged.passRetained(Start(loop, name))
        let code = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let start = Unmanaged<Start>.fromOpaque(argument).takeRetainedValue()
                csystem_name_thread(start.name)
                csystem_block_signals()
                start.loop.run()
                return nil
            }, start.toOpaque())
        guard code == 0 else {
            start.release()
            throw SystemError(code: code, call: "pthread_create")
        }
    }

    /// Waits until the loop has ended. Call it once, from another thread, after `EventLoop.stop`.
    public func join() {
        precondition(!isJoined, "a thread is joined once")
        isJoined = true
        pthread_join(thread, nil)
    }
}
