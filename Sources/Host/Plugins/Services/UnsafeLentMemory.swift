import BrokerCore
import Glibc
import PluginABI

/// Memory of structs and bytes that a plugin looks at during one call: freed with this object. One thread at a time.
final class LentMemory {
    private var blocks: [UnsafeMutableRawPointer] = []

    deinit { for block in blocks { free(block) } }

    /// A copy of the bytes.
    func view(_ bytes: [UInt8]) -> hl_view {
        bytes.withUnsafeBytes { view($0) }
    }

    /// A copy of the text as UTF-8.
    func view(_ text: String) -> hl_view {
        var text = text
        return text.withUTF8 { view(UnsafeRawBufferPointer($0)) }
    }

    /// A copy of the bytes; empty also when there is no memory.
    func view(_ bytes: UnsafeRawBufferPointer) -> hl_view {
        guard let base = bytes.baseAddress, let block = block(bytes.count) else { return hl_view() }
        block.copyMemory(from: base, byteCount: bytes.count)
        return hl_view(ptr: UnsafePointer(block.assumingMemoryBound(to: UInt8.self)), len: UInt64(bytes.count))
    }

    /// The elements one behind the other; nil when there are none, or no memory.
    func array<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafePointer<Element>? {
        guard let block = block(elements.count * MemoryLayout<Element>.stride) else { return nil }
        let first = block.bindMemory(to: Element.self, capacity: elements.count)
        elements.withUnsafeBufferPointer { source in
            if let base = source.baseAddress { first.initialize(from: base, count: source.count) }
        }
        return UnsafePointer(first)
    }

    /// One struct.
    func place<Element: BitwiseCopyable>(_ element: Element) -> UnsafePointer<Element>? { array([element]) }

    /// A client as plugins see it.
    func client(_ identity: ClientIdentity, connection: UInt64, protocolLevel: UInt8) -> UnsafePointer<hl_client>? {
        var client = hl_client()
        client.struct_size = UInt32(MemoryLayout<hl_client>.size)
        client.flags = identity.layers.rawValue | (identity.username.isEmpty ? HL_CLIENT_ANONYMOUS : 0)
        client.connection = connection
        client.client_id = view(identity.clientID)
        client.username = view(identity.username)
        client.account = view(identity.account)
        client.address = view(identity.address)
        client.listener = view(identity.listener)
        client.certificate = view(identity.certificate)
        if let peer = identity.peer {
            client.subject = view(peer.subject)
            client.fingerprint = view(peer.fingerprint)
            client.psk_identity = view(peer.keyIdentity)
        }
        client.protocol = UInt32(protocolLevel)
        client.groups = array(identity.groups.map { view($0) })
        client.group_count = client.groups == nil ? 0 : UInt32(identity.groups.count)
        return place(client)
    }

    private func block(_ size: Int) -> UnsafeMutableRawPointer? {
        guard size > 0, let block = malloc(size) else { return nil }
        blocks.append(block)
        return block
    }
}

/// Reads a struct that a plugin filled: it begins with `struct_size`, which may be smaller than ours (an older plugin;
/// what is missing is zero) or larger (a newer one; what is beyond is not looked at).
/// - Parameter minimum: bytes it must have; nil: all of it.
func readStruct<Value: BitwiseCopyable>(_ pointer: UnsafePointer<Value>, atLeast minimum: Int?) -> Value? {
    let whole = MemoryLayout<Value>.size
    let given = Int(UnsafeRawPointer(pointer).load(as: UInt32.self))
    guard given >= minimum ?? whole else { return nil }
    return withUnsafeTemporaryAllocation(byteCount: whole, alignment: MemoryLayout<Value>.alignment) { target in
        target.initializeMemory(as: UInt8.self, repeating: 0)
        target.copyMemory(from: UnsafeRawBufferPointer(start: pointer, count: min(given, whole)))
        return target.load(as: Value.self)
    }
}
