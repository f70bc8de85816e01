// HOT PATH: walked once per PUBLISH; flat memory, no ARC, no allocation.

/// Who receives a topic's messages on this shard. Computed by `SubscriptionTree.match`, immutable.
///
/// Lifetime: until the next `TopicCache.beginTurn()`, also when the tree changes meanwhile (a result is replaced,
/// never rewritten). A session that ends inside the turn must therefore be freed after the turn.
struct MatchResult {
    /// One per receiving session, in no order.
    var targets: UnsafeMutableBufferPointer<Target>
    /// Indices into `SharedGroups` of the groups of this home shard that match.
    var groups: UnsafeMutableBufferPointer<UInt32>
    /// Subscription identifiers of all targets; `identifiers(of:forPublisher:)` gives a target's part.
    var identifiers: UnsafeMutableBufferPointer<UInt32>
    /// Bytes of the block that holds header and arrays; 0 for the shared empty result, which is never freed.
    let allocatedBytes: Int
    /// Too large for the cache's bound: lives for one turn.
    var isTransient = false

    /// Nobody receives.
    @inline(__always)
    var isEmpty: Bool { targets.isEmpty && groups.isEmpty }

    /// The subscription identifiers to send to a target [MQTT-3.3.4-4].
    /// - Parameter forPublisher: the target published the message itself, so its no-local subscriptions do not count.
    @inline(__always)
    func identifiers(of target: Target, forPublisher: Bool) -> UnsafeBufferPointer<UInt32> {
        let count = forPublisher ? target.publisherIdentifierCount : target.identifierCount
        return UnsafeBufferPointer(
            start: identifiers.baseAddress.map { UnsafePointer($0 + Int(target.firstIdentifier)) }, count: Int(count))
    }
}

extension MatchResult {
    /// One allocation: the header, then targets, groups and identifiers, all to be filled by the caller.
    static func allocate(targets: Int, groups: Int, identifiers: Int) -> UnsafeMutablePointer<MatchResult> {
        let header = MemoryLayout<MatchResult>.stride
        let targetBytes = targets * MemoryLayout<Target>.stride
        let indexBytes = (groups + identifiers) * MemoryLayout<UInt32>.stride
        let isEmpty = targetBytes + indexBytes == 0
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: header + targetBytes + indexBytes, alignment: MemoryLayout<Target>.alignment)
        let firstTarget = (block + header).bindMemory(to: Target.self, capacity: targets)
        let firstIndex = (block + header + targetBytes).bindMemory(to: UInt32.self, capacity: groups + identifiers)
        let result = block.bindMemory(to: MatchResult.self, capacity: 1)
        result.initialize(
            to: MatchResult(
                targets: UnsafeMutableBufferPointer(start: firstTarget, count: targets),
                groups: UnsafeMutableBufferPointer(start: firstIndex, count: groups),
                identifiers: UnsafeMutableBufferPointer(start: firstIndex + groups, count: identifiers),
                allocatedBytes: isEmpty ? 0 : header + targetBytes + indexBytes))
        return result
    }

    static func free(_ result: UnsafeMutablePointer<MatchResult>) {
        UnsafeMutableRawPointer(result).deallocate()
    }
}

/// One session that receives a topic: all its matching subscriptions in one.
struct Target {
    /// The session, opaque to routing: the pointer given to `SubscriptionTree.insert`.
    let session: UnsafeMutableRawPointer
    let sessionID: UInt64
    /// Start of the session's identifiers in `MatchResult.identifiers`; those that hold for its own messages first.
    var firstIdentifier: UInt32 = 0
    var identifierCount: UInt32 = 0
    var publisherIdentifierCount: UInt32 = 0
    /// Maximum over the matching subscriptions [MQTT-3.3.4-2].
    var qos: UInt8
    /// Any of the matching subscriptions retains as published [MQTT-3.3.1-13].
    var retainAsPublished: Bool
    /// The same two for a message this session published itself, which reaches only its subscriptions without
    /// no-local [MQTT-3.8.3-3]; `noReceiver` when there is none.
    var publisherQoS: UInt8
    var publisherRetainAsPublished: Bool

    /// Value of `publisherQoS` for "does not receive its own messages".
    static let noReceiver: UInt8 = 0xFF
}
