import CSystem
import Glibc

/// Names of threads, as ps and debuggers show them.
enum ThreadName {
    /// Runs `body` while the calling thread has another name; longer ones are cut to 15 bytes.
    static func with<Result>(_ name: String, _ body: () -> Result) -> Result {
        let before = SmallFile.readText("/proc/thread-self/comm")
        csystem_name_thread(name)
        defer { if let before { csystem_name_thread(before) } }
        return body()
    }
}
