public import PluginSDK

/// Decides what a client may publish, subscribe to and be sent, by the rules of one file (docs/acl.md).
///
/// - `aclPublish`: the topic against the rules for publishing.
/// - `aclSubscribe`: the filter must be covered by one allowed filter and by no denied one. A denied filter that only
///   overlaps it (`#` asked for, `secret/#` denied) does not refuse it: that is what `aclDeliver` is for.
/// - `aclDeliver`: each topic against the rules for subscribing, so that a subscription that is wider than what its
///   client may see delivers exactly what it may see.
///
/// The verdicts depend on nothing but the client and the name, so the host caches them until the file changes.
public final class ACLPlugin: Plugin {
    private let file: FollowedFile<RuleSet>

    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.acl", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: [.required("file", .path, help: "the access rules; see docs/acl.md")],
            hooks: [.aclPublish, .aclSubscribe, .aclDeliver],
            requiredServices: ["log/1", "watch/1", "client/1", "clock/1"])
    }

    /// Reads the rule file, which must be valid to begin with.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        do throws(FileRefusal) {
            file = try FollowedFile(configuration["file"].path, subject: "acl", host: host)
        } catch {
            throw .refused(error.faults.map { ConfigurationFault(configuration["file"], $0) })
        }
        try super.init(host: host, configuration: configuration)
    }

    public override func start() throws(PluginFailure) {
        // What plugins publish and what is stored was authorised where it came in.
        try host.register(.aclPublish, Interest(origins: [.client, .bridge, .will]))
        try host.register(.aclSubscribe)
        try host.register(.aclDeliver)
        // After the exchange of the rules, so that what is asked again is answered by the new ones.
        try file.follow { [host] in
            if !host.recheckSubscriptions() {
                host.log(.error, "acl.recheck_failed", "live subscriptions keep the verdicts of the old rules")
            }
        }
    }

    public override func aclPublish(_ call: borrowing PublishCall) -> AccessVerdict {
        guard call.message.hasPublisher else { return .abstain }
        return file.read(shard: call.shard) { rules in
            let client = call.message.publisher
            let subject = Subject(client: client.id, user: client.userName, groups: client.groups)
            let decision = rules.decide(.publish, call.message.topic, by: subject)
            call.setRule(rules.name(of: decision))
            call.cache(.clientAndTopic)
            return decision.effect == .allow ? .allow : .deny
        }
    }

    public override func aclSubscribe(_ call: borrowing SubscribeCall) -> AccessVerdict {
        file.read(shard: call.shard) { rules in
            let client = call.client
            let subject = Subject(client: client.id, user: client.userName, groups: client.groups)
            let decision = rules.decide(.subscribe, call.filter, by: subject)
            call.setRule(rules.name(of: decision))
            call.cache(.clientAndFilter)
            return decision.effect == .allow ? .allow : .deny
        }
    }

    public override func aclDeliver(_ call: borrowing DeliveryCall) -> AccessVerdict {
        file.read(shard: call.shard) { rules in
            var refused: Decision?
            for index in 0..<call.receiverCount {
                let client = call.receiver(index)
                let subject = Subject(client: client.id, user: client.userName, groups: client.groups)
                let decision = rules.decide(.subscribe, call.message.topic, by: subject)
                switch decision.effect {
                case .allow: call.allow(index)
                case .deny:
                    call.deny(index)
                    refused = refused ?? decision
                }
            }
            if let refused { call.setRule(rules.name(of: refused)) }
            call.cache(.clientAndTopic)
            return .deny
        }
    }
}
