import PluginABI

/// The `hl_host_probe` every entry function gets.
enum HostProbe {
    /// Of this executable; shown by `hookline version`.
    static let hostVersion = "0.1.0"

    private static var target: String {
        #if arch(x86_64)
            "x86_64-linux-gnu"
        #elseif arch(arm64)
            "aarch64-linux-gnu"
        #else
            "unknown-linux-gnu"
        #endif
    }

    /// Lends the probe for one call.
    static func with<Result>(_ body: (UnsafePointer<hl_host_probe>) -> Result) -> Result {
        "hookline-host".withCString { name in
            hostVersion.withCString { version in
                target.withCString { target in
                    var probe = hl_host_probe()
                    probe.struct_size = UInt32(MemoryLayout<hl_host_probe>.size)
                    probe.abi_major = HL_ABI_MAJOR
                    probe.abi_minor = HL_ABI_MINOR
                    probe.host_name = name
                    probe.host_version = version
                    probe.target = target
                    // No service works without an instance in this version.
                    probe.get_service = { _, _ in nil }
                    return body(&probe)
                }
            }
        }
    }
}
