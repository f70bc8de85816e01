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
        /// Which provider a ticket keeps from being stopped, and who has it; nil: the broker.
        var held: [UInt64: (provider: PluginInstance, user: PluginInstance?)] = [:]
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
            state.held[ticket] = (offer.provider, user)
            return (offer, ticket)
        }
    }

    /// Nothing happens when the ticket is not one of `user` (nil: the broker).
    func release(_ ticket: UInt64, by user: PluginInstance? = nil) {
        let provider = state.withLock { state in
            guard let held = state.held[ticket], held.user === user else { return nil as PluginInstance? }
            state.held[ticket] = nil
            return held.provider
        }
        provider?.group.letGo()
    }

    /// What an instance has acquired and not given back.
    func count(heldBy user: PluginInstance) -> Int { state.read { $0.held.values.count { $0.user === user } } }

    /// Nobody finds what an instance offers any more.
    func withdrawOffers(of provider: PluginInstance) {
        state.withLock { state in
            for name in state.offers.keys { state.offers[name]?.removeAll { $0.provider === provider } }
            state.offers = state.offers.filter { !$0.value.isEmpty }
        }
    }

    /// Gives back what an instance that has ended still held: its provider must not wait for it.
    func releaseAll(by user: PluginInstance) {
        let providers = state.withLock { state in
            let mine = state.held.filter { $0.value.user === user }
            for ticket in mine.keys { state.held[ticket] = nil }
            return mine.values.map(\.provider)
        }
        for provider in providers { provider.group.letGo() }
    }
}
