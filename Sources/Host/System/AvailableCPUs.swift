import CSystem

/// CPUs this process may use: what `threads: 0` means.
enum AvailableCPUs {
    /// The smaller of the affinity mask and the quota of the control group, at least 1.
    static func count() -> Int {
        let mask = Int(csystem_usable_processors())
        let membership = SmallFile.readText("/proc/self/cgroup") ?? ""
        return max(1, min(mask, quota(membership: membership, root: "/sys/fs/cgroup") ?? mask))
    }

    /// Whole CPUs, rounded up, of the tightest quota between the group and the root; nil = no quota.
    /// `membership` is the text of /proc/self/cgroup.
    static func quota(membership: String, root: String) -> Int? {
        var tightest: Int?
        for line in membership.split(separator: "\n") {
            let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
            guard parts.count == 3 else { continue }
            let unified = parts[0] == "0" && parts[1].isEmpty
            guard unified || parts[1].split(separator: ",").contains("cpu") else { continue }
            var path = parts[2].split(separator: "/")
            while true {
                let folder = ([root] + (unified ? [] : ["cpu"]) + path.map(String.init)).joined(separator: "/")
                if let cpus = unified ? unifiedQuota(folder) : legacyQuota(folder) {
                    tightest = min(tightest ?? cpus, cpus)
                }
                guard path.popLast() != nil else { break }
            }
        }
        return tightest
    }

    /// cgroup v2: `cpu.max` holds "quota period" or "max period", in microseconds.
    private static func unifiedQuota(_ folder: String) -> Int? {
        guard let words = SmallFile.readText(folder + "/cpu.max")?.split(separator: " "), words.count == 2 else {
            return nil
        }
        return cpus(quota: Int(words[0]), period: Int(words[1]))
    }

    /// cgroup v1: two files; a quota of -1 means none.
    private static func legacyQuota(_ folder: String) -> Int? {
        cpus(
            quota: SmallFile.readText(folder + "/cpu.cfs_quota_us").flatMap { Int($0) },
            period: SmallFile.readText(folder + "/cpu.cfs_period_us").flatMap { Int($0) })
    }

    private static func cpus(quota: Int?, period: Int?) -> Int? {
        guard let quota, let period, quota > 0, period > 0 else { return nil }
        return max(1, (quota - 1) / period + 1)
    }
}
