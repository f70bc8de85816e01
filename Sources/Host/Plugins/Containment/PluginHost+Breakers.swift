import BrokerCore

/// Circuit breakers: a hook that does nothing but fail is left out for a while. The event loops count the failures in a
/// row; what is decided about them is decided on the keeper's thread.
extension PluginHost {
    /// What is said of each entry of a table. Under the lock of `state`.
    static func breaker(of hook: Breaker, _ state: State, limit: Int) -> HookBreaker {
        HookBreaker(limit: UInt32(clamping: limit), isOnProbation: state.probedBreakers.contains(hook))
    }

    /// A hook of an instance has turned out to do nothing but fail, or to work again. [loop]
    func hookTurned(_ breaker: Breaker, of generation: UInt32, _ turn: HookTurn) {
        keeper.async { [weak self] in
            guard let host = self,
                host.state.read({ state in
                    state.running.contains {
                        $0.instance.number == breaker.number && $0.instance.generation == generation
                    }
                })
            else { return }
            switch turn {
            case .fails(let count): host.open(breaker, count)
            case .works: host.close(breaker)
            }
        }
    }

    /// Another loop may have said the same.
    private func open(_ breaker: Breaker, _ failures: UInt32) {
        let isNew = state.withLock { state in
            state.probedBreakers.remove(breaker)
            return state.openBreakers.insert(breaker).inserted
        }
        guard isNew else { return }
        install {}
        if let id = id(of: breaker) { count(id, \.breakerOpenings) }
        tell(.warn, "plugin.breaker_open", breaker, [(key: "failures", value: "\(failures)")])
        let pause = context.environment.containment.breakerPause.nanoseconds
        keeper.async(at: monotonicNow() &+ pause) { [weak self] in self?.probe(breaker) }
    }

    /// The pause is over: it is asked again, and one failure is enough.
    private func probe(_ breaker: Breaker) {
        let wasOpen = state.withLock { state in
            guard state.openBreakers.remove(breaker) != nil else { return false }
            state.probedBreakers.insert(breaker)
            return true
        }
        if wasOpen { install {} }
    }

    private func close(_ breaker: Breaker) {
        guard state.withLock({ $0.probedBreakers.remove(breaker) }) != nil else { return }
        install {}
        tell(.info, "plugin.breaker_closed", breaker, [])
    }

    /// New code begins with a clean slate. Under the lock of `state`.
    static func forgetBreakers(of number: UInt64, _ state: inout State) {
        state.openBreakers = state.openBreakers.filter { $0.number != number }
        state.probedBreakers = state.probedBreakers.filter { $0.number != number }
    }

    private func id(of breaker: Breaker) -> String? {
        state.read { state in state.running.first { $0.instance.number == breaker.number }?.instance.id }
    }

    private func tell(
        _ level: PluginLogLevel, _ event: String, _ breaker: Breaker, _ more: [(key: String, value: String)]
    ) {
        context.log(
            level, id(of: breaker) ?? "unknown", event, "",
            [(key: "hook", value: HookTable.name(of: breaker.hook))] + more)
    }
}
