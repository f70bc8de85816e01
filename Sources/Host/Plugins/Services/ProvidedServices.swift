/// provide/1: what instances offer to each other. [any thread]
final class ProvidedServices: Sendable {
    /// A table of a provider.
    ///
    /// @unchecked Sendable: the pointers are the provider's and only handed on.
    struct Offer: @unchecked Sendable {
        let provider: PluginInstance
        let table: UnsafeRawPointer
        let state: UnsafeMutableRawPointer?
    }

    private struct State {
        var offers: [String: [Offer]] = [:]
        /// Which provider a ticket keeps from being stopped.
        var held: [UInt64: PluginInstance] = [:]
        var nextTicket: UInt64 = 1
    }

    private let state = Monitor(State())

    /// False when an instance with another id offers the name; the next generation may offer what the one before it
    /// does.
    func offer(_ name: String, _ offer: Offer) -> Bool {
        state.withLock { state in
            let others = state.offers[name] ?? []
            guard others.allSatisfy({ $0.provider.id == offer.provider.id && $0.provider !== offer.provider }) else {
                return false
            }
            state.offers[name] = others + [offer]
            return true
        }
    }

    /// The offer of the newest generation that has started, which is kept from being stopped until `release`.
    /// - Parameter user: nil = the broker.
    func acquire(_ name: String, for user: PluginInstance?) -> (offer: Offer, ticket: UInt64)? {
        state.withLock { state in
            let started = (state.offers[name] ?? []).filter { offer in
                offer.provider.phase == .started && offer.provider.id != user?.id
            }
            guard let offer = started.max(by: { $0.provider.generation < $1.provider.generation }),
                offer.provider.group.hold()
            else { return nil }
            let ticket = state.nextTicket
            state.nextTicket += 1
            state.held[ticket] = offer.provider
            return (offer, ticket)
        }
    }

    func release(_ ticket: UInt64) {
        let provider = state.withLock { $0.held.removeValue(forKey: ticket) }
        provider?.group.letGo()
    }

    func removeAll(of provider: PluginInstance) {
        state.withLock { state in
            for name in state.offers.keys { state.offers[name]?.removeAll { $0.provider === provider } }
            state.offers = state.offers.filter { !$0.value.isEmpty }
        }
    }
}
