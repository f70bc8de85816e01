import Glibc

/// How many files and sockets the process may hold open.
enum DescriptorLimit {
    /// Descriptors the broker needs beside its connections: listeners, loops, log, control socket, plugins.
    static let reserve = 128

    /// Raises the soft limit to the hard one and returns what holds now. The soft limit is low by default only for
    /// programs that use select(2).
    static func raise() -> Int {
        var limit = rlimit()
        let files = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(files, &limit) == 0 else { return 1_024 }
        let before = limit.rlim_cur
        limit.rlim_cur = limit.rlim_max
        let now = setrlimit(files, &limit) == 0 ? limit.rlim_max : before
        return Int(clamping: now)
    }

    /// Connections that fit under the limit that holds now; at least 1.
    static var connections: Int {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return 1_024 - reserve }
        return max(1, Int(clamping: limit.rlim_cur) - reserve)
    }

    /// What to tell the operator when `maxConnections` cannot be reached; nil when it can.
    static func warning(maxConnections: Int, limit: Int) -> String? {
        guard maxConnections > limit - reserve else { return nil }
        return "limits.max_connections is \(maxConnections), but this process may open \(limit) descriptors, enough for"
            + " \(max(0, limit - reserve)) connections, which is the bound now; raise the limit (LimitNOFILE= in the"
            + " unit, ulimit -n) or lower max_connections"
    }
}
