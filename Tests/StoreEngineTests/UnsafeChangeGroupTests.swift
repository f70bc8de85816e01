import PluginABI
import StoreEngine
import Testing

/// Which changes of a group reach the engine.
@Suite struct ChangeGroupTests {
    private enum Change: Equatable {
        case put(String, String)
        case new(String, String)
        case delete(String)
        case range(String, String)
    }

    /// What is left of `changes`.
    private static func left(_ changes: [Change]) -> [Change] {
        let memory = LentChanges(changes.map(Self.parts))
        var group = UnsafeChangeGroup(secret: (1, 3))
        group.add(UnsafePointer(memory.changes), count: changes.count)
        return group.withChanges { left in left.map { Self.change($0.pointee) } }
    }

    private static func parts(_ change: Change) -> (UInt32, UInt32, String, String) {
        switch change {
        case .put(let key, let value): (HL_STORE_PUT, 0, key, value)
        case .new(let key, let value): (HL_STORE_PUT, HL_STORE_NEW, key, value)
        case .delete(let key): (HL_STORE_DELETE, 0, key, "")
        case .range(let first, let end): (HL_STORE_DELETE_RANGE, 0, first, end)
        }
    }

    private static func change(_ change: hl_store_change) -> Change {
        let (key, value) = (LentChanges.text(change.key), LentChanges.text(change.value))
        switch change.kind {
        case HL_STORE_PUT: return change.hints == HL_STORE_NEW ? .new(key, value) : .put(key, value)
        case HL_STORE_DELETE: return .delete(key)
        default: return .range(key, value)
        }
    }

    @Test("of several changes of a key the last one is left, in its place")
    func lastOne() {
        #expect(
            Self.left([.put("a", "1"), .put("b", "1"), .put("a", "2"), .delete("b")])
                == [.put("a", "2"), .delete("b")])
    }

    @Test("a key that was new and is gone again leaves nothing")
    func newAndGone() {
        #expect(Self.left([.new("a", "1"), .put("b", "1"), .delete("a")]) == [.put("b", "1")])
        #expect(Self.left([.new("a", "1"), .delete("a"), .new("a", "2")]) == [.new("a", "2")])
        #expect(Self.left([.new("a", "1"), .delete("a"), .put("a", "2"), .delete("a")]).isEmpty)
    }

    @Test("a delete of a key that was there is kept, whatever follows")
    func oldAndGone() {
        #expect(Self.left([.delete("a"), .new("a", "1"), .delete("a")]) == [.delete("a")])
        #expect(Self.left([.put("a", "1"), .delete("a")]) == [.delete("a")])
    }

    @Test("ranges stay where they stand")
    func ranges() {
        #expect(
            Self.left([.put("a", "1"), .range("a", "b"), .put("a", "2")]) == [.range("a", "b"), .put("a", "2")])
    }

    @Test("thousands of keys, in several groups one after the other")
    func many() {
        var group = UnsafeChangeGroup(secret: (7, 11))
        for round in 1...3 {
            let changes = (0..<5000).map { (HL_STORE_PUT, UInt32(0), "key-\($0 % (1000 * round))", "\($0)") }
            let memory = LentChanges(changes)
            group.removeAll()
            group.add(UnsafePointer(memory.changes), count: changes.count)
            let left = group.withChanges { $0.map { LentChanges.text($0.pointee.value) } }
            #expect(left == (0..<5000).suffix(1000 * round).map { "\($0)" })
            #expect(group.changeCount == 5000)
        }
    }
}

/// Changes with addresses.
private final class LentChanges {
    let changes: UnsafeMutablePointer<hl_store_change>
    private var texts: [UnsafeMutablePointer<UInt8>] = []

    init(_ list: [(kind: UInt32, hints: UInt32, key: String, value: String)]) {
        changes = .allocate(capacity: max(list.count, 1))
        for (index, change) in list.enumerated() {
            (changes + index).initialize(
                to: hl_store_change(
                    kind: change.kind, hints: change.hints, key: lend(change.key), value: lend(change.value)))
        }
    }

    deinit {
        for text in texts { text.deallocate() }
        changes.deallocate()
    }

    private func lend(_ text: String) -> hl_view {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count + 1)
        copy.initialize(from: bytes, count: bytes.count)
        texts.append(copy)
        return hl_view(ptr: UnsafePointer(copy), len: UInt64(bytes.count))
    }

    static func text(_ view: hl_view) -> String {
        let count = view.ptr == nil ? 0 : Int(view.len)
        return String(decoding: UnsafeBufferPointer(start: view.ptr, count: count), as: UTF8.self)
    }
}
