/// Working space for one match: the topic's levels, the nodes still to visit, the filters found, and the merge of
/// their subscriptions into one target per session. Reused for every match of a shard.
struct UnsafeMatchBuilder: ~Copyable {
    struct Level: BitwiseCopyable {
        let offset: Int
        let length: Int
        let hash: UInt64
    }

    /// A subscription identifier on its way to a target.
    struct Identifier: BitwiseCopyable {
        let target: UInt32
        let value: UInt32
        let isForPublisher: Bool
    }

    struct Visit: BitwiseCopyable {
        let node: UInt32
        let level: UInt32
    }

    private var levels = UnsafeScratch<Level>()
    private var visits = UnsafeScratch<Visit>()
    private var filters = UnsafeScratch<UnsafeMutablePointer<FilterRecord>>()
    private var targets = UnsafeScratch<Target>()
    private var groups = UnsafeScratch<UInt32>()
    private var identifiers = UnsafeScratch<Identifier>()
    private var merge = UnsafeMergeTable()

    // MARK: Collecting

    mutating func begin(hash: TopicHash, topic entry: UnsafeMutablePointer<TopicEntry>) {
        levels.removeAll()
        visits.removeAll()
        filters.removeAll()
        targets.removeAll()
        groups.removeAll()
        identifiers.removeAll()
        let topic = entry.topic
        guard let bytes = topic.baseAddress else { return }
        var start = 0
        while start <= topic.count {
            let end = TopicLevels.end(bytes, from: start, count: topic.count)
            let levelHash = start == 0 ? entry.pointee.firstLevelHash : hash.hash(bytes + start, end - start)
            levels.append(Level(offset: start, length: end - start, hash: levelHash))
            start = end + 1
        }
    }

    @inline(__always)
    var levelCount: Int { levels.count }

    @inline(__always)
    func level(_ index: Int) -> Level { levels[index] }

    @inline(__always)
    mutating func visitLater(_ node: UInt32, _ level: Int) {
        visits.append(Visit(node: node, level: UInt32(truncatingIfNeeded: level)))
    }

    @inline(__always)
    mutating func nextVisit() -> (node: UInt32, level: Int)? {
        visits.popLast().map { ($0.node, Int($0.level)) }
    }

    @inline(__always)
    mutating func add(_ filter: UnsafeMutablePointer<FilterRecord>) { filters.append(filter) }

    // MARK: Building

    /// The result over all filters added since `begin`; `empty` when nobody subscribes to them.
    mutating func build(
        _ slab: borrowing UnsafeSlab<Subscription>, empty: UnsafeMutablePointer<MatchResult>
    ) -> UnsafeMutablePointer<MatchResult> {
        guard filters.count > 0 else { return empty }
        // Within one filter each session appears once: with a single filter there is nothing to merge.
        let mustMerge = filters.count > 1
        if mustMerge { merge.begin() }
        for position in 0..<filters.count {
            var index = filters[position].pointee.first
            while index != Subscription.none {
                let subscription = slab[index]
                add(subscription, mustMerge: mustMerge)
                index = subscription.pointee.nextOfFilter
            }
        }
        let result = MatchResult.allocate(targets: targets.count, groups: groups.count, identifiers: identifiers.count)
        placeIdentifiers(in: result.pointee.identifiers)
        if let first = result.pointee.targets.baseAddress {
            first.initialize(from: targets.base, count: targets.count)
        }
        if let first = result.pointee.groups.baseAddress { first.initialize(from: groups.base, count: groups.count) }
        return result
    }

    @inline(__always)
    private mutating func add(_ subscription: UnsafeMutablePointer<Subscription>, mustMerge: Bool) {
        guard let session = subscription.pointee.session else {
            groups.append(UInt32(truncatingIfNeeded: subscription.pointee.sessionID))
            return
        }
        let flags = subscription.pointee.flags
        let sessionID = subscription.pointee.sessionID
        var position = targets.count
        if mustMerge { position = merge.position(of: sessionID, orInsert: position, in: targets.base) }
        if position == targets.count {
            targets.append(
                Target(
                    session: session, sessionID: sessionID, qos: flags.qos,
                    retainAsPublished: flags.retainAsPublished,
                    publisherQoS: flags.noLocal ? Target.noReceiver : flags.qos,
                    publisherRetainAsPublished: !flags.noLocal && flags.retainAsPublished))
        } else {
            (targets.base + position).pointee.merge(flags)
        }
        let identifier = subscription.pointee.identifier
        guard identifier != 0 else { return }
        identifiers.append(
            Identifier(
                target: UInt32(truncatingIfNeeded: position), value: identifier, isForPublisher: !flags.noLocal))
        (targets.base + position).pointee.identifierCount += 1
    }

    /// Sorts the identifiers by target, within a target those first that hold for its own messages too.
    private mutating func placeIdentifiers(in places: UnsafeMutableBufferPointer<UInt32>) {
        guard identifiers.count > 0 else { return }
        var next: UInt32 = 0
        for index in 0..<targets.count {
            targets.base[index].firstIdentifier = next
            next += targets.base[index].identifierCount
            targets.base[index].identifierCount = 0
        }
        for isForPublisher in [true, false] {
            for index in 0..<identifiers.count where identifiers[index].isForPublisher == isForPublisher {
                let target = targets.base + Int(identifiers[index].target)
                places[Int(target.pointee.firstIdentifier + target.pointee.identifierCount)] = identifiers[index].value
                target.pointee.identifierCount += 1
                if isForPublisher { target.pointee.publisherIdentifierCount += 1 }
            }
        }
    }
}

extension Target {
    /// Takes in another matching subscription of the same session [MQTT-3.3.4-2].
    @inline(__always)
    fileprivate mutating func merge(_ flags: SubscriptionFlags) {
        qos = max(qos, flags.qos)
        retainAsPublished = retainAsPublished || flags.retainAsPublished
        guard !flags.noLocal else { return }
        publisherQoS = publisherQoS == Target.noReceiver ? flags.qos : max(publisherQoS, flags.qos)
        publisherRetainAsPublished = publisherRetainAsPublished || flags.retainAsPublished
    }
}
