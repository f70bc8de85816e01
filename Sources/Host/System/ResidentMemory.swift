import Glibc

/// How much memory the process really uses.
enum ResidentMemory {
    /// Bytes; 0 when the kernel does not say.
    static func bytes() -> Int {
        guard let text = SmallFile.readText("/proc/self/statm") else { return 0 }
        let fields = text.split(separator: " ")
        guard fields.count > 1, let pages = Int(fields[1]) else { return 0 }
        return pages * Int(sysconf(Int32(_SC_PAGESIZE)))
    }
}
