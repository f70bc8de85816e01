import Glibc
import Synchronization

/// An immutable application message on the heap: header, topic, forwardable properties and payload in one allocation.
///
/// Exists only where a message outlives its read buffer: a queue, an in-flight record, a will, a crossing or a plugin's
/// retain. Counted by one atomic; the last `release` frees it, on any thread.
struct MessageBlock: ~Copyable {
    fileprivate let references: Atomic<Int32>
    /// The QoS it was published with.
    let qos: UInt8
    /// Whether it was published with RETAIN.
    let retain: Bool
    /// The number of its row in the store; 0 = it has none. Belongs to the shard that stores it.
    var storeID: UInt64 = 0
    let topicLength: UInt32
    let propertiesLength: UInt32
    let payloadLength: UInt32
    /// Host clock ns after which it is not delivered any more; 0 = never.
    let expiresAt: Int64
    /// Unique in this run of the broker.
    let id: UInt64
    /// Session that published it; 0 = broker or plugin.
    let publisher: UInt64
}

typealias MessageRef = UnsafeMutablePointer<MessageBlock>

extension UnsafeMutablePointer where Pointee == MessageBlock {
    /// Copies `message` into a new block with one reference, owned by the caller.
    static func make(_ message: borrowing PublishedMessage, id: UInt64) -> MessageRef {
        let header = MemoryLayout<MessageBlock>.stride
        let body = message.topic.count + message.properties.count + message.payload.count
        guard let memory = malloc(header + body) else {
            fatalError("out of memory: \(header + body) bytes for a message")
        }
        let block = memory.bindMemory(to: MessageBlock.self, capacity: 1)
        block.initialize(
            to: MessageBlock(
                references: Atomic(1), qos: message.qos, retain: message.retain,
                topicLength: UInt32(truncatingIfNeeded: message.topic.count),
                propertiesLength: UInt32(truncatingIfNeeded: message.properties.count),
                payloadLength: UInt32(truncatingIfNeeded: message.payload.count),
                expiresAt: message.expiresAt, id: id, publisher: message.publisher))
        var cursor = memory + header
        for part in [message.topic, message.properties, message.payload] where part.count > 0 {
            cursor.copyMemory(from: part.baseAddress!, byteCount: part.count)
            cursor += part.count
        }
        return block
    }

    @inline(__always)
    private var body: UnsafeRawPointer {
        UnsafeRawPointer(self) + MemoryLayout<MessageBlock>.stride
    }

    /// Borrowed views; valid while a reference is held.
    var topic: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: body, count: Int(pointee.topicLength))
    }
    var properties: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: body + Int(pointee.topicLength), count: Int(pointee.propertiesLength))
    }
    var payload: UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(
            start: body + Int(pointee.topicLength) + Int(pointee.propertiesLength), count: Int(pointee.payloadLength))
    }
    /// Bytes of heap this block holds.
    var byteCount: Int {
        MemoryLayout<MessageBlock>.stride + Int(pointee.topicLength) + Int(pointee.propertiesLength)
            + Int(pointee.payloadLength)
    }

    /// Adds a reference and returns it.
    @inline(__always)
    func retained() -> MessageRef {
        pointee.references.add(1, ordering: .relaxed)
        return self
    }

    /// Gives a reference back.
    @inline(__always)
    func release() {
        if pointee.references.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 {
            deinitialize(count: 1)
            free(self)
        }
    }
}
