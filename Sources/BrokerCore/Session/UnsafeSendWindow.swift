// HOT PATH: begin and finish are an index, a mask and a compare; the table grows, it never allocates per message.
import Glibc

/// How far a QoS 1 or QoS 2 message has come towards its receiver.
enum InflightState: UInt8 {
    case free
    /// PUBLISH sent on an earlier connection; it is sent again when the client's Receive Maximum allows.
    case waiting
    /// PUBLISH sent, waiting for PUBACK or PUBREC.
    case published
    /// PUBREL sent, waiting for PUBCOMP.
    case released
}

/// One message under way to a client.
struct InflightSlot {
    var packetID: UInt16 = 0
    var state = InflightState.free
    var qos: UInt8 = 0
    var retain = false
    /// Order of first sending; resending follows it [MQTT-4.6.0-1].
    var sequence: UInt32 = 0
    /// The message, owned, when the session must be able to send it again; nil in sessions that end with their
    /// connection.
    var message: MessageRef?
    var subscriptionIDs = SubscriptionIDs.none
    /// Shared group it came from; 0 = none.
    var group: UInt64 = 0
}

/// The messages sent to one client and not yet acknowledged: a table indexed by packet identifier modulo its size.
///
/// Identifiers are handed out in sequence; one whose slot is taken by an older, unacknowledged message is skipped, so
/// a look-up needs no search and an identifier is never used twice at a time [MQTT-2.2.1-3].
struct SendWindow {
    private var slots: UnsafeMutablePointer<InflightSlot>?
    private var mask: Int32 = -1
    /// Messages under way, those that wait to be sent again included.
    private(set) var count: Int32 = 0
    /// Messages of an earlier connection that are not sent again yet.
    private(set) var waiting: Int32 = 0
    /// Their packet identifiers, the next one last; some may have been answered meanwhile.
    private var waitingIDs: [UInt16] = []
    private var nextID: UInt16 = 1
    private var nextSequence: UInt32 = 0

    /// Takes a free packet identifier (1 ... 65,535) and its slot for a message at `qos`.
    /// The caller has checked that `count` is below the window's limit.
    @inline(__always)
    mutating func begin(qos: UInt8) -> UnsafeMutablePointer<InflightSlot> {
        if (count &+ 1) &* 2 > mask &+ 1 { grow() }
        let table = slots.unsafelyUnwrapped
        while true {
            let id = nextID
            nextID = nextID == .max ? 1 : nextID &+ 1
            let slot = table + Int(Int32(id) & mask)
            if slot.pointee.state == .free {
                slot.pointee.packetID = id
                slot.pointee.state = .published
                slot.pointee.qos = qos
                slot.pointee.sequence = nextSequence
                nextSequence &+= 1
                count &+= 1
                return slot
            }
        }
    }

    /// The slot of `id`, or nil when no such message is under way.
    @inline(__always)
    func find(_ id: UInt16) -> UnsafeMutablePointer<InflightSlot>? {
        guard let slots else { return nil }
        let slot = slots + Int(Int32(id) & mask)
        return slot.pointee.state != .free && slot.pointee.packetID == id ? slot : nil
    }

    /// Ends the flow of `slot`, releases what it holds and frees the identifier.
    @inline(__always)
    mutating func finish(_ slot: UnsafeMutablePointer<InflightSlot>) {
        dropMessage(slot)
        if slot.pointee.state == .waiting { waiting &-= 1 }
        slot.pointee.state = .free
        slot.pointee.retain = false
        slot.pointee.group = 0
        count &-= 1
    }

    /// PUBREC came: the message is released, the flow goes on with PUBREL.
    @inline(__always)
    mutating func startReleasing(_ slot: UnsafeMutablePointer<InflightSlot>) {
        dropMessage(slot)
        if slot.pointee.state == .waiting { waiting &-= 1 }
        slot.pointee.state = .released
    }

    /// Releases the message of `slot`.
    @inline(__always)
    private func dropMessage(_ slot: UnsafeMutablePointer<InflightSlot>) {
        if let message = slot.pointee.message {
            message.release()
            slot.pointee.message = nil
        }
        slot.pointee.subscriptionIDs.release()
        slot.pointee.subscriptionIDs = .none
    }

    /// A new connection: what was published and not answered has to be sent again, in order [MQTT-4.6.0-1].
    mutating func startResending() {
        let published = inOrder().filter { $0.pointee.state != .released }
        for slot in published { slot.pointee.state = .waiting }
        waiting = Int32(truncatingIfNeeded: published.count)
        waitingIDs = published.reversed().map { $0.pointee.packetID }
    }

    /// The next message to send again, from now on under way; nil when there is none or `limit` messages are.
    mutating func nextToResend(limit: Int32) -> UnsafeMutablePointer<InflightSlot>? {
        while waiting > 0, count &- waiting < limit, let id = waitingIDs.popLast() {
            guard let slot = find(id), slot.pointee.state == .waiting else { continue }
            slot.pointee.state = .published
            waiting &-= 1
            return slot
        }
        return nil
    }

    /// All slots in use in the order of first sending.
    func inOrder() -> [UnsafeMutablePointer<InflightSlot>] {
        guard let slots, count > 0 else { return [] }
        let used = (0...Int(mask)).map { slots + $0 }.filter { $0.pointee.state != .free }
        let next = nextSequence
        // Sequence numbers wrap: the oldest is the one farthest behind the next.
        return used.sorted { next &- $0.pointee.sequence > next &- $1.pointee.sequence }
    }

    /// Puts back a message that was under way before a restart. Its identifier is not in use yet.
    mutating func restore(_ slot: InflightSlot) {
        while find(slot.packetID) == nil {
            if (count &+ 1) &* 2 > mask &+ 1 { grow() }
            let place = slots.unsafelyUnwrapped + Int(Int32(slot.packetID) & mask)
            guard place.pointee.state == .free else {
                grow()
                continue
            }
            place.pointee = slot
            place.pointee.sequence = nextSequence
            nextSequence &+= 1
            count &+= 1
            nextID = slot.packetID == .max ? 1 : slot.packetID &+ 1
        }
    }

    /// Releases everything.
    mutating func release() {
        if let slots {
            for index in 0...Int(mask) where slots[index].state != .free { dropMessage(slots + index) }
        }
        free(slots)
        slots = nil
        mask = -1
        count = 0
        waiting = 0
        waitingIDs = []
    }

    @inline(never)
    private mutating func grow() {
        let capacity = max(4, Int(mask + 1) * 2)
        guard let memory = malloc(capacity * MemoryLayout<InflightSlot>.stride) else {
            fatalError("out of memory: in-flight table of \(capacity)")
        }
        let table = memory.bindMemory(to: InflightSlot.self, capacity: capacity)
        table.initialize(repeating: InflightSlot(), count: capacity)
        if let old = slots {
            for index in 0...Int(mask) where old[index].state != .free {
                table[Int(old[index].packetID) & (capacity - 1)] = old[index]
            }
            free(old)
        }
        slots = table
        mask = Int32(truncatingIfNeeded: capacity - 1)
    }
}
