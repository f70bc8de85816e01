import Glibc

/// The Subscription Identifiers that go with one delivery: none, one inline, or an owned list [MQTT-3.3.4-3].
struct SubscriptionIDs {
    /// 0 = none; below 2^32 = one identifier; otherwise the address of a list {count, id...}.
    private(set) var word: UInt64

    static let none = SubscriptionIDs(word: 0)

    private init(word: UInt64) { self.word = word }

    /// Copies `ids` (each 1 ... 268,435,455).
    init(copying ids: UnsafeBufferPointer<UInt32>) {
        switch ids.count {
        case 0: word = 0
        case 1: word = UInt64(ids[0])
        default:
            guard let memory = malloc((ids.count + 1) * 4) else {
                fatalError("out of memory: subscription identifiers")
            }
            let list = memory.bindMemory(to: UInt32.self, capacity: ids.count + 1)
            list[0] = UInt32(truncatingIfNeeded: ids.count)
            for index in 0..<ids.count { list[index + 1] = ids[index] }
            word = UInt64(UInt(bitPattern: list))
        }
    }

    /// Calls `body` with the identifiers; borrowed during the call.
    @inline(__always)
    func withIDs<Result>(_ body: (UnsafeBufferPointer<UInt32>) -> Result) -> Result {
        if word == 0 { return body(UnsafeBufferPointer(start: nil, count: 0)) }
        if word < 1 << 32 {
            var one = UInt32(truncatingIfNeeded: word)
            return withUnsafePointer(to: &one) { body(UnsafeBufferPointer(start: $0, count: 1)) }
        }
        let list = UnsafePointer<UInt32>(bitPattern: UInt(word)).unsafelyUnwrapped
        return body(UnsafeBufferPointer(start: list + 1, count: Int(list[0])))
    }

    /// Frees an owned list.
    @inline(__always)
    func release() {
        if word >= 1 << 32 { free(UnsafeMutableRawPointer(bitPattern: UInt(word))) }
    }
}
