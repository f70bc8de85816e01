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

    /// How many threads of this process have a name, but for the calling one.
    static func count(_ name: String) -> Int {
        guard let folder = opendir("/proc/self/task") else { return 0 }
        defer { closedir(folder) }
        let wanted = String(decoding: name.utf8.prefix(15), as: UTF8.self)
        let own = SmallFile.readText("/proc/thread-self/stat")?.split(separator: " ").first.map(String.init)
        var count = 0
        while let entry = readdir(folder) {
            let thread = withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            guard thread.first != ".", thread != own else { continue }
            if SmallFile.readText("/proc/self/task/\(thread)/comm") == wanted { count += 1 }
        }
        return count
    }
}
