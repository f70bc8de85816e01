import Glibc

/// A tree of topic levels in flat memory: nodes by 32-bit index, children by one hash table over (parent, level),
/// siblings in a list. Serves the wildcard filters of a shard and the topics of the retained store.
///
/// Invariants: node `root` always exists and has no level; every other node is in its parent's list and in the table;
/// a node is removed when it has no child, no pin and, as its owner says, no value.
struct UnsafeLevelTrie<Value>: ~Copyable {
    struct Node {
        let levelHash: UInt64
        let level: UnsafeMutableRawPointer
        let levelLength: Int32
        let parent: UInt32
        var firstChild: UInt32 = UnsafeLevelTrie.none
        var previousSibling: UInt32
        var nextSibling: UInt32
        /// Walks that stand on this node: it stays in its place while there is one.
        var pins: UInt32 = 0
        var value: Value

        /// The slot holds a node of the tree.
        var isLiving: Bool { parent != UnsafeLevelTrie.freed }
    }

    static var none: UInt32 { .max }
    static var root: UInt32 { 0 }
    /// The parent of a freed slot, which keeps an empty value until it is used again.
    private static var freed: UInt32 { .max - 1 }

    private let hash: TopicHash
    private let emptyValue: Value
    private var nodes: UnsafeMutablePointer<Node>
    private var capacity = 16
    /// Number of slots ever used: `node` takes indices below it, some of which may be freed.
    private(set) var used: UInt32 = 1
    private var free = UnsafeScratch<UInt32>()
    private var children = UnsafeProbeTable<UInt32>()

    /// - Parameter emptyValue: the value of the root and of new nodes.
    init(hash: TopicHash, emptyValue: Value) {
        self.hash = hash
        self.emptyValue = emptyValue
        nodes = .allocate(capacity: capacity)
        nodes.initialize(
            to: Self.emptyNode(
                level: .allocate(byteCount: 1, alignment: 1), parent: Self.none, value: emptyValue))
    }

    /// Frees the nodes; called once by the owner, and nothing afterwards. Not a `deinit`: that of a generic type is
    /// not run when the tree goes with a lock around it.
    func destroy() {
        for index in 0..<Int(used) where nodes[index].isLiving { nodes[index].level.deallocate() }
        nodes.deinitialize(count: Int(used))
        nodes.deallocate()
    }

    /// Number of living nodes, the root included.
    var count: Int { Int(used) - free.count }

    /// A node; the address holds until the next `makeChild`.
    @inline(__always)
    func node(_ index: UInt32) -> UnsafeMutablePointer<Node> { nodes + Int(index) }

    /// The child of a node for a level, `none` when there is none.
    @inline(__always)
    func child(of parent: UInt32, _ level: UnsafeRawPointer, _ count: Int, hash levelHash: UInt64) -> UInt32 {
        let found = children.find(hash.combine(levelHash, UInt64(parent))) { index in
            let node = nodes + Int(index)
            return node.pointee.levelHash == levelHash && node.pointee.parent == parent
                && Int(node.pointee.levelLength) == count && memcmp(node.pointee.level, level, count) == 0
        }
        return found ?? Self.none
    }

    /// The child of a node for a level, made when there is none. The level's bytes are copied.
    mutating func makeChild(
        of parent: UInt32, _ level: UnsafeRawPointer, _ count: Int, hash levelHash: UInt64
    ) -> UInt32 {
        let found = child(of: parent, level, count, hash: levelHash)
        guard found == Self.none else { return found }
        let index = takeSlot()
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: max(1, count), alignment: 1)
        bytes.copyMemory(from: level, byteCount: count)
        let next = nodes[Int(parent)].firstChild
        nodes[Int(index)] = Node(
            levelHash: levelHash, level: bytes, levelLength: Int32(count), parent: parent,
            previousSibling: Self.none, nextSibling: next, value: emptyValue)
        if next != Self.none { nodes[Int(next)].previousSibling = index }
        nodes[Int(parent)].firstChild = index
        children.insert(hash.combine(levelHash, UInt64(parent)), index)
        return index
    }

    /// Removes a node that has no child and no pin and for which `isEmpty` holds, then its parents likewise.
    /// - Parameter willRemove: sees each node before it goes, for links of the owner.
    mutating func prune(
        from start: UInt32, isEmpty: (Value) -> Bool, willRemove: (borrowing Self, UInt32) -> Void = { _, _ in }
    ) {
        var index = start
        while index != Self.root {
            let node = nodes + Int(index)
            guard node.pointee.firstChild == Self.none, node.pointee.pins == 0, isEmpty(node.pointee.value) else {
                return
            }
            let parent = node.pointee.parent
            willRemove(self, index)
            remove(index)
            index = parent
        }
    }

    private mutating func remove(_ index: UInt32) {
        let node = nodes + Int(index)
        let level = node.pointee.level
        let (parent, previous, next) = (node.pointee.parent, node.pointee.previousSibling, node.pointee.nextSibling)
        children.remove(hash.combine(node.pointee.levelHash, UInt64(parent))) { $0 == index }
        if previous == Self.none {
            nodes[Int(parent)].firstChild = next
        } else {
            nodes[Int(previous)].nextSibling = next
        }
        if next != Self.none { nodes[Int(next)].previousSibling = previous }
        level.deallocate()
        node.pointee = Self.emptyNode(level: level, parent: Self.freed, value: emptyValue)
        free.append(index)
    }

    private mutating func takeSlot() -> UInt32 {
        if let index = free.popLast() { return index }
        precondition(used < Self.none, "a trie holds fewer than 4,294,967,295 nodes")
        if Int(used) == capacity {
            let larger = UnsafeMutablePointer<Node>.allocate(capacity: capacity * 2)
            larger.moveInitialize(from: nodes, count: capacity)
            nodes.deallocate()
            nodes = larger
            capacity *= 2
        }
        let index = used
        used += 1
        (nodes + Int(index)).initialize(
            to: Self.emptyNode(level: nodes.pointee.level, parent: Self.freed, value: emptyValue))
        return index
    }

    private static func emptyNode(level: UnsafeMutableRawPointer, parent: UInt32, value: Value) -> Node {
        Node(
            levelHash: 0, level: level, levelLength: 0, parent: parent, previousSibling: none, nextSibling: none,
            value: value)
    }
}

/// `@unchecked Sendable`: the trie is the only owner of its memory and cannot be copied, so what holds of its values
/// holds of the whole.
extension UnsafeLevelTrie: @unchecked Sendable where Value: Sendable {}
