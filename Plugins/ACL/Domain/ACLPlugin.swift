internal import AccessRules
public import PluginSDK

/// Decides what a client may publish, subscribe to and be sent, by the rules of one file (docs/acl.md).
///
/// - `aclPublish`: the topic against the rules for publishing.
/// - `aclSubscribe`: the filter must be covered by one allowed filter and by no denied one. A denied filter that only
///   overlaps it (`#` asked for, `secret/#` denied) does not refuse it: that is what `aclDeliver` is for.
/// - `aclDeliver`: each topic against the rules for delivering, so that a subscription that is wider than what its
///   client may see delivers exactly what it may see.
/// - `messageIn`, if asked for: writes into each message who has sent it.
///
/// Unless a rule asks for QoS or retain flag, verdicts depend on nothing but the client and the name, so the host
/// caches them until the file changes.
public final class ACLPlugin: Plugin {
    private let rules: FollowedFile<RuleSet>
    private let shadow: Shadow?
    private let stamp: SenderStamp?
    /// A client that loses a live subscription is told so by ending its connection.
    private let disconnectsOnLoss: Bool

    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.acl", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: [
                .required("file", .path, help: "the access rules; see docs/acl.md"),
                Setting(
                    "on_lost_permission", .text, default: "unsubscribe",
                    help: "what happens to a client that a change of the rules takes a subscription from: "
                        + "unsubscribe (silently) or disconnect (0x87)"),
                Setting("shadow", .path, help: "rules to compare with: decisions that would change are logged"),
                Setting(
                    "stamp", .map,
                    help: "user properties that tell subscribers who sent a message: { client: sender, user: ... }"),
            ],
            hooks: [.aclPublish, .aclSubscribe, .aclDeliver, .messageIn],
            requiredServices: ["log/1", "watch/1", "client/1", "clock/1", "timer/1"])
    }

    /// Reads the rule file, which must be valid to begin with.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        var faults: [ConfigurationFault] = []
        rules = try Self.open(configuration["file"], host)
        shadow = try Shadow(configuration["shadow"], host)
        stamp = SenderStamp(configuration["stamp"], &faults)
        let onLoss = configuration["on_lost_permission"]
        if !["", "unsubscribe", "disconnect"].contains(onLoss.text) {
            faults.append(ConfigurationFault(onLoss, "'\(onLoss.text)' is neither unsubscribe nor disconnect"))
        }
        disconnectsOnLoss = onLoss.text == "disconnect"
        guard faults.isEmpty else { throw .refused(faults) }
        try super.init(host: host, configuration: configuration)
    }

    private static func open(
        _ setting: ConfigurationNode, _ host: PluginHost
    ) throws(PluginFailure) -> FollowedFile<RuleSet> {
        do throws(FileRefusal) {
            return try FollowedFile(setting.path, subject: "acl", host: host)
        } catch {
            throw .refused(error.faults.map { ConfigurationFault(setting, $0) })
        }
    }

    public override func start() throws(PluginFailure) {
        // What plugins publish and what is stored was authorised where it came in.
        // A plugin may speak for a client (HTTP does); nobody is asked about what it says for itself.
        let fromClients = Interest(origins: [.client, .bridge, .will, .plugin])
        try host.register(.aclPublish, fromClients)
        try host.register(.aclSubscribe)
        try host.register(.aclDeliver)
        if stamp != nil { try host.register(.messageIn, fromClients) }
        // After the exchange of the rules, so that what is asked again is answered by the new ones.
        try rules.follow { [host] in
            if !host.recheckSubscriptions() {
                host.log(.error, "acl.recheck_failed", "live subscriptions keep the verdicts of the old rules")
            }
        }
        try shadow?.follow()
    }

    public override func aclPublish(_ call: borrowing PublishCall) -> AccessVerdict {
        guard call.message.hasPublisher else { return .abstain }
        let message = call.message
        return rules.read(shard: call.shard) { rules in
            let traits = MessageTraits(qos: UInt8(clamping: message.qos), retain: message.retain)
            let subject = Subject(message.publisher, parsesAddress: rules.asksForAddresses)
            let decision = rules.decide(.publish, message.topic, traits, by: subject)
            shadow?.compare(decision, of: rules, .publish, message.topic, traits, message.publisher, call.shard)
            call.setRule(rules.name(of: decision))
            call.cache(decision.dependsOnTraits ? .none : .clientAndTopic)
            return decision.effect == .allow ? .allow : .deny
        }
    }

    public override func aclSubscribe(_ call: borrowing SubscribeCall) -> AccessVerdict {
        rules.read(shard: call.shard) { rules in
            let traits = MessageTraits(qos: UInt8(clamping: call.qos))
            let subject = Subject(call.client, parsesAddress: rules.asksForAddresses)
            let decision = rules.decide(.subscribe, call.filter, traits, by: subject)
            shadow?.compare(decision, of: rules, .subscribe, call.filter, traits, call.client, call.shard)
            call.setRule(rules.name(of: decision))
            call.cache(decision.dependsOnTraits ? .none : .clientAndFilter)
            if decision.effect == .allow { return .allow }
            if call.isRecheck, disconnectsOnLoss { host.disconnect(call.client.connection, .notAuthorized) }
            return .deny
        }
    }

    public override func aclDeliver(_ call: borrowing DeliveryCall) -> AccessVerdict {
        let message = call.message
        let traits = MessageTraits(qos: UInt8(clamping: message.qos), retain: message.retain)
        return rules.read(shard: call.shard) { rules in
            var refused: Decision?
            for index in 0..<call.receiverCount {
                let client = call.receiver(index)
                let subject = Subject(client, parsesAddress: rules.asksForAddresses)
                let decision = rules.decide(.deliver, message.topic, traits, by: subject)
                shadow?.compare(decision, of: rules, .deliver, message.topic, traits, client, call.shard)
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

    public override func messageIn(_ call: borrowing MessageCall) -> MessageVerdict {
        guard let stamp, call.message.hasPublisher else { return .pass }
        guard let properties = stamp.applied(to: call.message) else { return .error }
        call.setProperties(properties.span)
        return .replace
    }
}
