internal import PluginABI
internal import Synchronization

/// The broker, as one instance of a plugin sees it. Everything here may be called on any thread, except `register`.
///
/// A service that the host lacks, or does not grant, does nothing and says so by its result.
public final class PluginHost: @unchecked Sendable {
    // Sendable: the tables belong to the host, do not change, and outlive the instance; their functions are tagged
    // [any]. What this class holds itself is behind a mutex.
    let raw: UnsafeMutablePointer<hl_self>
    let works = WorkList()
    let callbacks = CallbackList()

    init(_ raw: UnsafeMutablePointer<hl_self>) {
        self.raw = raw
    }

    /// The id of this instance in plugins.yaml.
    public var name: String { raw.pointee.name.string }
    /// Number of event loops.
    public var shardCount: Int { Int(raw.pointee.shard_count) }
    /// Counts loads of this instance, from 1.
    public var generation: Int { Int(raw.pointee.generation) }
    /// The broker keeps nothing and takes no port of its configuration (`--ephemeral`): a plugin that listens does so
    /// on a free port of 127.0.0.1, and tells it with `announce`.
    public var isEphemeral: Bool { raw.pointee.flags & HL_SELF_EPHEMERAL != 0 }

    /// Asks for a hook; in `Plugin.start` only.
    @discardableResult
    public func register(
        _ hook: Hook, _ interest: Interest = Interest()
    ) throws(PluginFailure) -> HookRegistration {
        var registration: hl_registration = 0
        let status = interest.lend { interest in
            raw.pointee.core?.pointee.register_hook?(
                raw, hook.rawValue, HookThunks.function(for: hook), interest, &registration)
        }
        switch status {
        case HL_OK: return HookRegistration(id: registration)
        case HL_NOT_OFFERED, HL_UNKNOWN: throw .failed("this broker does not call the hook \(hook); update hookline")
        default: throw .failed("the broker refused the hook \(hook) with status \(status ?? HL_UNAVAILABLE)")
        }
    }

    /// Other calls of a hook are wanted from now on; takes effect when every event loop knows of it, a moment later.
    /// - Parameter interest: `nil` ends the registration.
    /// - Returns: false when the registration has ended, or the interest is not valid.
    @discardableResult
    public func update(_ registration: HookRegistration, _ interest: Interest?) -> Bool {
        guard let update = raw.pointee.core?.pointee.update_interest else { return false }
        guard let interest else { return update(raw, registration.id, nil) == HL_OK }
        return interest.lend { update(raw, registration.id, $0) } == HL_OK
    }

    /// How the instance is doing.
    public enum Health: UInt32, Sendable {
        case ready = 0
        case starting = 1
        case degraded = 2
        case failed = 3
    }

    /// What `hookline status` and `/ready` say about this instance.
    public func setHealth(_ health: Health, _ text: String = "") {
        withView(text) { raw.pointee.core?.pointee.set_health?(raw, health.rawValue, $0) }
    }

    /// Nanoseconds since some start, never going back.
    public var monotonicTime: Int64 { raw.pointee.clock?.pointee.monotonic?(raw) ?? 0 }
    /// Nanoseconds since 1970, UTC.
    public var wallTime: Int64 { raw.pointee.clock?.pointee.wall?(raw) ?? 0 }

    /// Random bytes that are fit for secrets; `nil` without the service.
    public func randomBytes(_ count: Int) -> [UInt8]? {
        guard let fill = raw.pointee.random?.pointee.fill else { return nil }
        return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress { fill(raw, base, UInt64(count)) }
            initialized = count
        }
    }
}

extension Interest {
    /// As the host takes it, for one call.
    fileprivate func lend<Result>(_ body: (UnsafePointer<hl_interest>) -> Result) -> Result {
        withViews(filters) { filters in
            withViews(listeners) { listeners in
                var raw = hl_interest()
                raw.struct_size = UInt32(MemoryLayout<hl_interest>.size)
                if mayPend { raw.flags |= HL_INTEREST_MAY_PEND }
                if ownPublishes { raw.flags |= HL_INTEREST_OWN_PUBLISHES }
                if !payload { raw.flags |= HL_INTEREST_NO_PAYLOAD }
                if !properties { raw.flags |= HL_INTEREST_NO_PROPERTIES }
                (raw.filters, raw.filter_count) = (filters.baseAddress, UInt32(filters.count))
                (raw.listeners, raw.listener_count) = (listeners.baseAddress, UInt32(listeners.count))
                for origin in origins { raw.origins |= 1 << origin.rawValue }
                for qos in qos where (0...2).contains(qos) { raw.qos_mask |= 1 << UInt32(qos) }
                raw.sampling = sampling
                raw.deadline = deadline ?? 0
                return body(&raw)
            }
        }
    }
}
