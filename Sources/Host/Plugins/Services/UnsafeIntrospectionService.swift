import BrokerCore
import Glibc
import PluginABI
import Synchronization

/// abi/1 and thread_check/1
extension ServiceTables {
    static func makeABI() -> hl_abi_v1 {
        var table = hl_abi_v1()
        table.struct_size = UInt32(MemoryLayout<hl_abi_v1>.size)
        table.major = { _ in HL_ABI_MAJOR }
        table.minor = { _ in HL_ABI_MINOR }
        table.host_version = { _ in PermanentTexts.view(HostProbe.hostVersion) }
        table.service = { _, index in
            let services = ServiceTables.all
            return Int(index) < services.count ? PermanentTexts.view(services[Int(index)].name) : hl_view()
        }
        table.granted = { handle, name in
            guard let instance = PluginInstance.of(handle), ServiceTables.byName[name.text] != nil else { return 0 }
            return instance.isGranted(name.text) ? 1 : 0
        }
        table.hook_name = { _, hook in
            HookTable.isKnown(hook) ? PermanentTexts.view(HookTable.name(of: hook)) : hl_view()
        }
        return table
    }

    static func makeThreadCheck() -> hl_thread_check_v1 {
        var table = hl_thread_check_v1()
        table.struct_size = UInt32(MemoryLayout<hl_thread_check_v1>.size)
        table.current = { _ in ThreadKind.current.rawValue }
        table.expect = { handle, kinds, what in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            let kind = ThreadKind.current
            let isExpected = kind == .other ? kinds == HL_THREAD_OTHER : kinds & kind.rawValue != 0
            if isExpected { return HL_OK }
            instance.countThreadViolation(kind, expected: kinds, what.text)
            return HL_NOT_ALLOWED
        }
        table.violations = { handle in PluginInstance.of(handle)?.threadViolations ?? 0 }
        return table
    }
}

extension PluginInstance {
    var threadViolations: UInt64 { state.withLock { $0.threadViolations } }

    /// Counts it; says so the first time, and in a checking broker ends the process with the one to blame.
    fileprivate func countThreadViolation(_ kind: ThreadKind, expected: UInt32, _ what: String) {
        let count = state.withLock { state in
            state.threadViolations += 1
            return state.threadViolations
        }
        guard count == 1 else { return }
        let words = "\(what) runs on a thread of kind \(kind), which it must not (allowed kinds: \(expected))"
        log(.error, "plugin.wrong_thread", words)
        if context.environment.isChecking {
            precondition(false, "plugin '\(id)' (generation \(generation)): \(words)")
        }
    }
}

/// Texts that are handed out for ever. There are as many as there are services and hooks.
enum PermanentTexts {
    private static let views = Monitor<[String: (address: UInt, size: Int)]>([:])

    static func view(_ text: String) -> hl_view {
        let place = views.withLock { views in
            if let known = views[text] { return known }
            let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
            _ = bytes.initialize(from: text.utf8)
            let place = (UInt(bitPattern: bytes.baseAddress), text.utf8.count)
            views[text] = place
            return place
        }
        return hl_view(ptr: UnsafePointer(bitPattern: place.address), len: UInt64(place.size))
    }
}
