internal import PluginSDK

/// A question about a rule file as a person asks it, with names as text.
package struct ExplainedRequest: Sendable {
    package var action: Action
    /// A topic, or for `.subscribe` a filter; of a shared one the filter alone counts.
    package var name: String
    package var client = ""
    package var user = ""
    package var account = ""
    package var certificate = ""
    package var listener = ""
    package var address = ""
    package var groups: [String] = []
    package var traits = MessageTraits(qos: 0)

    package init(_ action: Action, _ name: String) {
        self.action = action
        self.name = name
    }
}

extension RuleSet {
    /// Decides as for a client of the broker.
    package func decide(_ request: ExplainedRequest) -> Decision {
        ask(request) { name, subject in decide(request.action, name, request.traits, by: subject) }
    }

    /// What a decision costs, so that two rule files can be compared.
    /// - Returns: nanoseconds for one of `repetitions` decisions.
    package func cost(_ request: ExplainedRequest, repetitions: Int) -> Double {
        ask(request) { name, subject in
            let clock = ContinuousClock()
            var denials = 0
            let start = clock.now
            for _ in 0..<repetitions where decide(request.action, name, request.traits, by: subject).effect == .deny {
                denials += 1
            }
            let (seconds, attoseconds) = (clock.now - start).components
            precondition(denials == 0 || denials == repetitions, "the same question has the same answer")
            return (Double(seconds) * 1e9 + Double(attoseconds) / 1e9) / Double(repetitions)
        }
    }

    private func ask<Result>(
        _ request: ExplainedRequest, _ body: (Span<UInt8>, borrowing Subject) -> Result
    ) -> Result {
        let (client, user) = (Array(request.client.utf8), Array(request.user.utf8))
        let (account, certificate) = (Array(request.account.utf8), Array(request.certificate.utf8))
        let (listener, address) = (Array(request.listener.utf8), Array(request.address.utf8))
        let name = Array(Self.withoutShareName(request).utf8)
        return TextList.lending(request.groups) { groups in
            let subject = Subject(
                client: client.span, user: user.span, account: account.span, certificate: certificate.span,
                listener: listener.span, address: IPAddress(address.span), groups: groups)
            return body(name.span, subject)
        }
    }

    /// `$share/<group>/<filter>` is decided by its filter [MQTT-4.8.2-1].
    private static func withoutShareName(_ request: ExplainedRequest) -> Substring {
        let name = request.name[...]
        guard request.action == .subscribe, name.hasPrefix("$share/") else { return name }
        let rest = name.dropFirst("$share/".count)
        guard let end = rest.firstIndex(of: "/") else { return name }
        return rest[rest.index(after: end)...]
    }
}
