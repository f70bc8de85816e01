// HOT PATH: memory for one batch of receivers, kept by the shard; nothing is allocated once it is warm.
import PluginABI

/// Receivers that a plugin is asked about in one call. Owned by the shard; its thread only.
struct DeliveryBatch {
    private(set) var targets: UnsafeMutablePointer<Target>?
    private(set) var receivers: UnsafeMutablePointer<hl_receiver>?
    /// One bit per receiver, for the answer.
    private(set) var bits: UnsafeMutablePointer<UInt64>?
    private(set) var count = 0

    static var capacity: Int { HookDispatcher.maximumBatch }

    @inline(__always)
    var isFull: Bool { count == Self.capacity }

    /// What the dispatcher takes.
    var view: UnsafeBufferPointer<hl_receiver> { UnsafeBufferPointer(start: receivers, count: count) }

    @inline(__always)
    mutating func append(_ target: Target, _ client: UnsafePointer<hl_client>, qos: UInt8) {
        if targets == nil { allocate() }
        targets.unsafelyUnwrapped[count] = target
        let receiver = receivers.unsafelyUnwrapped + count
        receiver.pointee.client = client
        receiver.pointee.qos = UInt32(qos)
        count &+= 1
    }

    /// Clears the bits of those that are in it and returns them.
    @inline(__always)
    func clearedBits() -> UnsafeMutablePointer<UInt64> {
        let bits = bits.unsafelyUnwrapped
        for word in 0..<((count &+ 63) >> 6) { bits[word] = 0 }
        return bits
    }

    @inline(__always)
    func isSet(_ index: Int) -> Bool { bits.unsafelyUnwrapped[index >> 6] & (1 &<< UInt64(index & 63)) != 0 }

    @inline(__always)
    mutating func removeAll() { count = 0 }

    @inline(never)
    private mutating func allocate() {
        targets = .allocate(capacity: Self.capacity)
        let receivers = UnsafeMutablePointer<hl_receiver>.allocate(capacity: Self.capacity)
        receivers.initialize(repeating: hl_receiver(), count: Self.capacity)
        self.receivers = receivers
        bits = .allocate(capacity: (Self.capacity + 63) / 64)
    }

    mutating func release() {
        targets?.deallocate()
        receivers?.deallocate()
        bits?.deallocate()
        self = DeliveryBatch()
    }
}
