import StoreAccess

/// Batches that a number decides, and what they leave behind: the same in the process that writes and in the one that
/// looks at what is left.
struct Workload {
    struct Batch {
        let changes: [UnsafeStore.Change]
        let lane: UInt32
    }

    /// Tells how many batches are there.
    static let counter = Array("sequence".utf8)

    private var random: SplitMix
    private var index: UInt64 = 0
    /// Keys that were given once are not given again as new ones.
    private var nextNew: UInt64 = 0

    init(seed: UInt64) { random = SplitMix(state: seed) }

    mutating func next() -> Batch {
        index += 1
        var changes: [UnsafeStore.Change] = []
        for _ in 0..<random.below(24) { changes.append(change()) }
        // The last: a range may have taken it away.
        changes.append(.put(Self.counter, Self.bytes(index)))
        return Batch(changes: changes, lane: UInt32(random.below(3)))
    }

    private mutating func change() -> UnsafeStore.Change {
        switch random.below(20) {
        case 0: return .deleteRange(key(), random.below(4) == 0 ? [] : key())
        case 1...4: return .delete(key())
        case 5...9:
            nextNew += 1
            return .new([0xfe] + Self.bytes(nextNew), value())
        case 10...12 where nextNew > 0:
            let back = UInt64(random.below(3))
            return .delete([0xfe] + Self.bytes(nextNew > back ? nextNew - back : nextNew))
        default: return .put(key(), value())
        }
    }

    /// Few, so that they are met again; of all lengths, and some the beginning of others.
    private mutating func key() -> [UInt8] {
        let length = [1, 2, 3, 9, 40, 1024][random.below(6)]
        var key = [UInt8](repeating: UInt8(random.below(2)) * 7, count: length)
        key[length - 1] = UInt8(random.below(8)) * 9
        return key
    }

    private mutating func value() -> [UInt8] {
        let length = [0, 1, 64, 200, 1024, 5000, 70_000][min(random.below(9), 6)]
        return [UInt8](repeating: UInt8(truncatingIfNeeded: random.next()), count: length)
    }

    static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }

    static func number(_ bytes: [UInt8]) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
}

/// What a store must hold.
struct StoreModel {
    private(set) var pairs: [[UInt8]: [UInt8]] = [:]

    /// After the first `count` batches of a workload.
    init(seed: UInt64, count: UInt64) {
        var workload = Workload(seed: seed)
        for _ in 0..<count { apply(workload.next().changes) }
    }

    init() {}

    mutating func apply(_ changes: [UnsafeStore.Change]) {
        for change in changes {
            switch change {
            case .put(let key, let value), .new(let key, let value): pairs[key] = value
            case .delete(let key): pairs[key] = nil
            case .deleteRange(let first, let end):
                pairs = pairs.filter { key, _ in
                    key.lexicographicallyPrecedes(first)
                        || !(end.isEmpty || key.lexicographicallyPrecedes(end))
                }
            }
        }
    }

    /// In the order of keys.
    var sorted: [UnsafeStoreView.Pair] {
        pairs.map { UnsafeStoreView.Pair(key: $0.key, value: $0.value) }
            .sorted { $0.key.lexicographicallyPrecedes($1.key) }
    }
}

/// A small generator: the same numbers from the same seed, everywhere.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xbf58_476d_1ce4_e5b9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94d0_49bb_1331_11eb
        return mixed ^ (mixed >> 31)
    }

    mutating func below(_ bound: Int) -> Int { Int(next() % UInt64(bound)) }
}
