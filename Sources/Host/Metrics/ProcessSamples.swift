import Configuration
import Glibc

/// The process as metrics, under the names that Prometheus' own client libraries use.
enum ProcessSamples {
    static func make(_ metrics: HostMetrics) -> [MetricSample] {
        let uptime = Double(monotonicNow() - metrics.started) / 1e9
        let configuration = metrics.configuration
        let own: [MetricSample] = [
            .gauge("hookline_build_info", "The version that runs; always 1.", 1, ("version", HooklineVersion.text)),
            .gauge("hookline_uptime_seconds", "Time since the start.", uptime),
            .gauge(
                "hookline_config_last_reload_successful", "1 when the last change of the configuration was taken.",
                configuration.isCurrent ? 1 : 0),
            .gauge(
                "hookline_config_last_reload_success_timestamp_seconds",
                "When the configuration in force was taken, seconds since 1970.",
                Double(configuration.changedAt) / 1e9),
        ]
        return own + certificates(metrics) + process(uptime)
    }

    private static func certificates(_ metrics: HostMetrics) -> [MetricSample] {
        metrics.certificates.map { listener, expires in
            MetricSample.gauge(
                "hookline_tls_certificate_expiry_timestamp_seconds",
                "When the first certificate of the listener ends, seconds since 1970.", Double(expires),
                ("listener", listener))
        }
    }

    private static func process(_ uptime: Double) -> [MetricSample] {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        let pages = (SmallFile.readText("/proc/self/statm") ?? "").split(separator: " ").compactMap { Int($0) }
        let pageSize = Int(sysconf(Int32(_SC_PAGESIZE)))
        var cpu = MetricSample.counter("process_cpu_seconds_total", "User and system CPU time.", 0)
        cpu.value = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        return [
            cpu,
            .gauge(
                "process_resident_memory_bytes", "Resident memory.", pages.count > 1 ? pages[1] * pageSize : 0),
            .gauge("process_virtual_memory_bytes", "Virtual memory.", (pages.first ?? 0) * pageSize),
            .gauge("process_open_fds", "Open file descriptors.", openDescriptors()),
            .gauge(
                "process_max_fds", "Most file descriptors the process may open.",
                DescriptorLimit.connections + DescriptorLimit.reserve),
            .gauge(
                "process_start_time_seconds", "When the process started, seconds since 1970.",
                Double(wallNow()) / 1e9 - uptime),
        ]
    }

    private static func openDescriptors() -> Int {
        guard let folder = opendir("/proc/self/fd") else { return 0 }
        defer { closedir(folder) }
        var count = 0
        while let entry = readdir(folder) {
            // The two dots and this folder do not count.
            if entry.pointee.d_name.0 != CChar(UInt8(ascii: ".")) { count += 1 }
        }
        return max(0, count - 1)
    }
}
