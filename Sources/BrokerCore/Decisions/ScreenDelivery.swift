// HOT PATH: everybody who receives a message is asked about in one call, before anything is delivered.
import PluginABI

/// acl.deliver for plugins that answer at once.
extension Shard {
    /// Asks acl.deliver about everybody who receives a message, the short way. `.goOn`: all of them may have it.
    @inline(__always)
    func screen(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> FirstAnswer {
        let fast = state.pointee.fastHooks
        guard let chain = fast.pointee.deliver else {
            return areKept(result, message, entry) ? .goOn : .none
        }
        // One receiver that is online, as most messages have: without a loop.
        let target = result.pointee.targets.baseAddress.unsafelyUnwrapped
        guard result.pointee.targets.count == 1, target.pointee.sessionID != message.pointee.publisher,
            let connection = target.pointee.session.assumingMemoryBound(to: Session.self).pointee.connection,
            let client = connection.pointee.pluginClient
        else { return screenAll(result, message, chain) }
        let receiver = fast.pointee.receivers
        receiver.pointee.client = client
        receiver.pointee.qos = min(message.pointee.view.qos, UInt32(target.pointee.qos))
        let delivery = fast.delivery
        delivery.pointee.msg = message.view
        return fast.ask(chain, delivery, counted: 1)
    }

    /// As ``screen(_:_:_:)``, for any receivers.
    @inline(never)
    private func screenAll(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedRef, _ chain: UnsafePointer<FastSlot>
    ) -> FirstAnswer {
        let targets = result.pointee.targets
        guard targets.count <= FastHooks.maximumReceivers else { return .none }
        let fast = state.pointee.fastHooks
        var count = 0
        for index in 0..<targets.count {
            let target = targets.baseAddress.unsafelyUnwrapped + index
            guard let connection = receiver(target, of: message) else { continue }
            fast.pointee.receivers[count].client = pluginClient(connection)
            fast.pointee.receivers[count].qos = min(message.pointee.view.qos, UInt32(target.pointee.qos))
            count &+= 1
        }
        guard count > 0 else { return .goOn }
        let delivery = fast.delivery
        delivery.pointee.msg = message.view
        delivery.pointee.receiver_count = UInt32(truncatingIfNeeded: count)
        defer { delivery.pointee.receiver_count = 1 }
        return fast.ask(chain, delivery, counted: UInt64(count))
    }

    /// Whether a verdict that allows is kept for every receiver: then nobody needs to be asked.
    @inline(never)
    private func areKept(
        _ result: UnsafePointer<MatchResult>, _ message: PublishedRef, _ entry: UnsafeMutablePointer<TopicEntry>
    ) -> Bool {
        guard hooks.keepsDeliverVerdicts, !state.pointee.editsDelivery, !state.pointee.routesMessages else {
            return false
        }
        let targets = result.pointee.targets
        var count: UInt64 = 0
        for index in 0..<targets.count {
            let target = targets.baseAddress.unsafelyUnwrapped + index
            guard let connection = receiver(target, of: message) else { continue }
            count &+= 1
            if hooks.cachedDeliver(connection: connection.pointee.id, topicEntry: entry.pointee.id, now: now) != .allow
            {
                return false
            }
        }
        state.pointee.counters.deliverAccess.allowed &+= count
        return true
    }

    /// The connection of a target that gets a message now. Nil: it is not for its publisher, or the session is offline
    /// and asked about when its queue is sent, because rules may have changed by then.
    @inline(__always)
    private func receiver(_ target: UnsafeMutablePointer<Target>, of message: PublishedRef) -> ConnectionRef? {
        if target.pointee.sessionID == message.pointee.publisher, target.pointee.publisherQoS == Target.noReceiver {
            return nil
        }
        return target.pointee.session.assumingMemoryBound(to: Session.self).pointee.connection
    }
}
