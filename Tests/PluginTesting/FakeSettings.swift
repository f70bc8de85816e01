internal import PluginABI

/// The `config` of an instance under test.
package enum FakeSetting: ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral {
    case scalar(String)
    case list([FakeSetting])
    case map([(String, FakeSetting)])

    package init(stringLiteral value: String) { self = .scalar(value) }
    package init(arrayLiteral elements: FakeSetting...) { self = .list(elements) }
    package init(dictionaryLiteral elements: (String, FakeSetting)...) { self = .map(elements) }
}

/// A setting as config/1 shows it: nodes by number, 0 the root.
final class SettingTree {
    private struct Node {
        var kind = HL_KIND_NONE
        var text = LentText("")
        var children: [(key: LentText, node: hl_node)] = []
    }

    private var nodes: [Node] = []

    init(_ root: FakeSetting) {
        _ = add(root)
    }

    private func add(_ setting: FakeSetting) -> hl_node {
        let index = nodes.count
        nodes.append(Node())
        switch setting {
        case .scalar(let text):
            nodes[index].kind = HL_KIND_SCALAR
            nodes[index].text = LentText(text)
        case .list(let items):
            nodes[index].kind = HL_KIND_LIST
            for item in items {
                let node = add(item)
                nodes[index].children.append((LentText(""), node))
            }
        case .map(let entries):
            nodes[index].kind = HL_KIND_MAP
            for (key, value) in entries {
                let node = add(value)
                nodes[index].children.append((LentText(key), node))
            }
        }
        return hl_node(index)
    }

    private func node(_ node: hl_node) -> Node { Int(node) < nodes.count ? nodes[Int(node)] : Node() }

    func child(of map: hl_node, named key: String) -> hl_node {
        node(map).children.first { $0.key.view.text == key }?.node ?? HL_NO_NODE
    }

    func item(_ index: UInt32, of parent: hl_node) -> hl_node {
        let children = node(parent).children
        return Int(index) < children.count ? children[Int(index)].node : HL_NO_NODE
    }

    func count(of parent: hl_node) -> UInt32 { UInt32(node(parent).children.count) }

    func key(_ index: UInt32, of map: hl_node) -> hl_view {
        let children = node(map).children
        return Int(index) < children.count ? children[Int(index)].key.view : hl_view()
    }

    func kind(of node: hl_node) -> UInt32 { self.node(node).kind }
    func text(of node: hl_node) -> hl_view { self.node(node).text.view }
}

/// Bytes at an address that stays: what a host lends.
final class LentText {
    let view: hl_view

    init(_ text: String) {
        let bytes = Array(text.utf8)
        let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(bytes.count, 1))
        copy.initialize(from: bytes, count: bytes.count)
        view = hl_view(ptr: UnsafePointer(copy), len: UInt64(bytes.count))
    }

    deinit { view.ptr.deallocate() }
}
