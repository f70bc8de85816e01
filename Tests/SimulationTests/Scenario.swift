import BrokerCore
import MQTTCodec

/// A whole run, made from its seed alone: the broker's settings, and the steps that are taken.
struct Scenario {
    let seed: UInt64
    let shards: Int
    let clients: Int
    let settings: BrokerSettings
    /// Percent of hook calls that are answered later; 0 = no plugin.
    let slowHooks: Int
    /// Nanoseconds a plugin has for its answer.
    let hookDeadline: Int64
    var steps: [Step]

    init(seed: UInt64, stepCount: Int) {
        var random = SeededRandom(seed: seed)
        self.seed = seed
        shards = 1 + random.below(3)
        clients = 2 + random.below(4)
        var settings = BrokerSettings()
        settings.storeEnabled = random.chance(55)
        settings.maximumInflight = random.pick([1, 2, 5, 100])
        settings.receiveMaximum = random.pick([2, 5, 65_535])
        settings.maximumQueuedMessages = random.pick([3, 8, 10_000])
        settings.maximumOutputBytes = random.pick([300, 2000, 16 << 20])
        settings.queueFullPolicy = random.pick([.deadLetter, .deadLetter, .refuse, .pause])
        settings.queueWindow = random.pick([1, 3, 1_000])
        settings.maximumTopicAlias = random.pick([0, 2, 32])
        settings.maximumSessionExpiry = 3600
        settings.maximumQueuedBytes = random.pick([2000, 16 << 20])
        if random.chance(10) { settings.maximumRetainedMessages = 2 }
        if random.chance(10) { settings.duplicateClientPolicy = .refuse }
        self.settings = settings
        slowHooks = random.pick([0, 0, 10, 40])
        hookDeadline = random.pick([2_000_000_000, 20_000_000_000])
        var maker = StepMaker(
            random: random, clients: clients, shards: shards, hasStore: settings.storeEnabled,
            hasPlugin: slowHooks > 0)
        steps = (0..<stepCount).map { _ in maker.next() }
    }
}

/// Draws steps. Clients are mostly reliable, so that something happens between two faults.
struct StepMaker {
    var random: SeededRandom
    let clients: Int
    let shards: Int
    let hasStore: Bool
    let hasPlugin: Bool

    static let topics = ["a", "a/b", "a/c", "b/c", "g/1", "g/2"]
    static let filters = ["a", "a/b", "a/+", "+/c", "#", "a/#", "+/+", "b/c"]
    static let groups = ["$share/s/g/#", "$share/s/g/1", "$share/r/g/+"]

    mutating func next() -> Step {
        let client = random.below(clients)
        switch random.below(100) {
        case 0..<9: return .connect(client: client, connectPlan())
        case 9..<11: return .disconnect(client: client, keepsWill: random.chance(30), expiry: maybe([0, 5, 60], 25))
        case 11..<16: return .cut(client: client, random.pick([.noticed, .noticed, .silent, .broken]))
        case 16..<18: return .notice
        case 18..<26:
            let identifier = random.chance(40) ? UInt32(1 + random.below(5)) : 0
            return .subscribe(client: client, filterPlans(), identifier: identifier)
        case 26..<28:
            return .unsubscribe(client: client, filter: random.pick(Self.filters + Self.groups))
        case 28..<52: return .publish(client: client, publishPlan())
        case 52..<57: return .acknowledge(client: client, count: 1 + random.below(4))
        case 57..<64: return .carry(client: client, bytes: random.pick([1, 2, 5, 13, 40, 10_000]))
        case 64..<70: return .read(client: client, bytes: random.pick([1, 3, 7, 30, 10_000]))
        case 70..<76: return .turn(shard: random.below(shards))
        case 76..<84: return .rest(delivers: random.chance(75))
        case 84..<90: return storeStep()
        case 90..<93: return hasPlugin ? .answer(position: random.below(16)) : .rest(delivers: true)
        case 93..<96:
            return .advance(nanoseconds: random.pick([1, 1_000_000, 700_000_000, 3_000_000_000, 30_000_000_000]))
        case 96..<98: return .advanceToDeadline(isJustBefore: random.chance(50))
        case 98: return .ping(client: client)
        default: return .advance(nanoseconds: random.pick([90_000_000_000, 7_200_000_000_000]))
        }
    }

    private mutating func storeStep() -> Step {
        guard hasStore else { return random.chance(5) ? .restart : .rest(delivers: true) }
        let shard = random.below(shards)
        switch random.below(20) {
        case 0: return .failStore(shard: shard)
        case 1...2: return .restart
        default: return .commit(shard: shard, tickets: random.pick([1, 2, 100]))
        }
    }

    private mutating func maybe<Value>(_ choices: [Value], _ percent: Int) -> Value? {
        random.chance(percent) ? random.pick(choices) : nil
    }

    private mutating func connectPlan() -> ConnectPlan {
        var plan = ConnectPlan()
        plan.version = random.chance(65) ? .v5_0 : .v3_1_1
        plan.cleanStart = random.chance(20)
        plan.expiry = random.pick([0, 5, 60, 1000, 1000])
        plan.receiveMaximum = maybe([1, 2, 10], 40)
        plan.maximumPacketSize = maybe([64, 120], 15)
        plan.topicAliasMaximum = random.pick([0, 0, 2, 10])
        plan.keepAlive = random.chance(15) ? 20 : 0
        if random.chance(30) {
            var will = publishPlan()
            will.size = max(8, will.size)
            plan.will = will
            plan.willDelay = random.pick([0, 0, 3, 30, 2000])
        }
        plan.capacity = random.pick([20, 150, .max, .max, .max])
        plan.acceptingShard = random.below(shards)
        plan.acknowledgesAtOnce = random.chance(65)
        return plan
    }

    private mutating func filterPlans() -> [FilterPlan] {
        (0...random.below(3)).map { _ in
            if random.chance(30) {
                return FilterPlan(
                    filter: random.pick(Self.groups), qos: UInt8(1 + random.below(2)),
                    retainAsPublished: random.chance(20))
            }
            return FilterPlan(
                filter: hasPlugin && random.chance(5) ? "x/#" : random.pick(Self.filters), qos: UInt8(random.below(3)),
                noLocal: random.chance(15), retainAsPublished: random.chance(25),
                retainHandling: random.pick([.send, .send, .sendIfNew, .doNotSend]))
        }
    }

    private mutating func publishPlan() -> PublishPlan {
        var plan = PublishPlan(topic: random.pick(Self.topics), qos: UInt8(random.below(3)))
        if hasPlugin, random.chance(5) { plan.topic = "x/1" }
        plan.retain = random.chance(25)
        plan.size = random.pick([8, 8, 12, 100, 700])
        if plan.retain, random.chance(15) { plan.size = 0 }
        plan.expiry = maybe([1, 4, 50], 25)
        plan.usesAlias = random.chance(25)
        return plan
    }
}
