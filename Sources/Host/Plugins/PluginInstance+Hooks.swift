import BrokerCore
import PluginABI
import Synchronization

extension PluginInstance {
    /// core/1 `register_hook`: only while the plugin starts. What is not accepted makes the start fail, so that nobody
    /// believes to be protected by a hook that is never called.
    func register(
        _ hook: UInt32, _ function: hl_hook_fn?, _ interest: UnsafePointer<hl_interest>?
    ) -> (status: hl_status, registration: hl_registration) {
        guard HookTable.isKnown(hook) else {
            fail("hook \(hook) is in no registry this broker knows; update hookline")
            return (HL_UNKNOWN, 0)
        }
        guard HookTable.isOffered(hook) else {
            log(.warn, "plugin.hook_not_offered", "hook \(HookTable.name(of: hook)) is not offered by this broker")
            return (HL_NOT_OFFERED, 0)
        }
        guard let function else { return (refuse(hook, "without a function"), 0) }
        let wanted: HookInterest
        switch HookInterest.read(interest, hook: hook) {
        case .success(let interest): wanted = interest
        case .failure(let problem): return (refuse(hook, problem.words), 0)
        }
        if let reason = obstacle(hook, wanted) { return (refuse(hook, reason), 0) }
        return state.withLock { state in
            guard state.phase == .starting else { return (HL_NOT_ALLOWED, 0) }
            let id = state.nextRegistration
            state.nextRegistration += 1
            state.registrations.append(Registration(id: id, hook: hook, function: function, interest: wanted))
            return (HL_OK, id)
        }
    }

    /// core/1 `update_interest`; nil ends the registration.
    func update(_ registration: hl_registration, _ interest: UnsafePointer<hl_interest>?) -> hl_status {
        let known = state.withLock { state in state.registrations.first { $0.id == registration } }
        guard let known else { return HL_NOT_FOUND }
        var wanted: HookInterest?
        if let interest {
            guard case .success(let read) = HookInterest.read(interest, hook: known.hook) else { return HL_INVALID }
            wanted = read
        }
        let isStarted = state.withLock { state in
            guard let index = state.registrations.firstIndex(where: { $0.id == registration }) else { return false }
            if let wanted {
                state.registrations[index].interest = wanted
            } else {
                state.registrations.remove(at: index)
            }
            return state.phase == .started
        }
        if isStarted { registrationsChanged {} }
        return HL_OK
    }

    /// The registrations as entries of a hook table, in the order in which they were made.
    func entries(_ instance: HookInstance, shardStates: [UnsafeMutableRawPointer?]) -> [HookEntry] {
        let (registrations, consumers) = state.withLock { ($0.registrations, $0.consumers) }
        let entries = registrations.map { registration in
            var entry = HookEntry(
                hook: registration.hook, function: registration.function, instance: instance,
                interest: registration.interest)
            if registration.hook < 64 {
                entry.shardStates = shardStates
                entry.blocks = description.flags & HL_BLOCKING != 0
            }
            return entry
        }
        return entries + consumers.map(\.entry)
    }

    private func refuse(_ hook: UInt32, _ words: String) -> hl_status {
        fail("asks for hook \(HookTable.name(of: hook)) \(words)")
        return HL_INVALID
    }

    /// Why a plugin of this threading class cannot have the hook.
    private func obstacle(_ hook: UInt32, _ interest: HookInterest) -> String? {
        let flags = description.flags
        if flags & HL_SERIAL != 0, hook < 64 {
            return "but is HL_SERIAL: serial plugins have notify hooks only; make it HL_FREE or HL_PER_SHARD"
        }
        let waits = HookTraits.of(hook)?.pending ?? .never
        if flags & HL_BLOCKING != 0, hook < 64, waits == .never {
            return "but is HL_BLOCKING: this hook cannot wait; leave out the flag or the hook"
        }
        if interest.mayPend, waits == .never {
            return "with HL_INTEREST_MAY_PEND, which this hook does not have"
        }
        return nil
    }
}

extension HookInterest {
    /// Why an `hl_interest` is not accepted, as the end of a sentence.
    struct Problem: Error { let words: String }

    private static let maximumFilters: UInt32 = 1024

    /// Copies and checks what a plugin asks for; nil = everything.
    static func read(_ pointer: UnsafePointer<hl_interest>?, hook: UInt32) -> Result<HookInterest, Problem> {
        var result = HookInterest()
        let traits = HookTraits.of(hook)
        let pendsFreely = traits?.pending == .always
        result.mayPend = pendsFreely
        guard let pointer else { return .success(result) }
        guard UnsafeRawPointer(pointer).load(as: UInt32.self) >= MemoryLayout<hl_interest>.size else {
            return .failure(Problem(words: "with an hl_interest whose struct_size is too small"))
        }
        let raw = pointer.pointee
        guard raw.filter_count <= maximumFilters, raw.listener_count <= maximumFilters else {
            return .failure(Problem(words: "with more than \(maximumFilters) filters or listeners"))
        }
        if let filters = raw.filters {
            for index in 0..<Int(raw.filter_count) {
                let filter = filters[index].bytes
                if let error = TopicFilter.validate(filter, maximumLevels: 65_535) {
                    return .failure(Problem(words: "with the filter '\(filters[index].text)': \(error)"))
                }
                result.filters.append(Array(filter))
            }
        }
        if !result.filters.isEmpty, traits?.takesFilters == false {
            return .failure(Problem(words: "with topic filters, which this hook does not have"))
        }
        if let listeners = raw.listeners {
            for index in 0..<Int(raw.listener_count) { result.listeners.append(Array(listeners[index].bytes)) }
        }
        result.origins = raw.origins
        result.qosMask = raw.qos_mask
        result.sampling = max(raw.sampling, 1)
        result.mayPend = pendsFreely || raw.flags & HL_INTEREST_MAY_PEND != 0
        result.needsPayload = raw.flags & HL_INTEREST_NO_PAYLOAD == 0
        result.needsProperties = raw.flags & HL_INTEREST_NO_PROPERTIES == 0
        result.includesOwnPublishes = raw.flags & HL_INTEREST_OWN_PUBLISHES != 0
        result.deadline = max(raw.deadline, 0)
        return .success(result)
    }
}
