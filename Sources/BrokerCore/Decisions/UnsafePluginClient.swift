import Glibc
import PluginABI

/// A client as plugins see it: one allocation with the struct and all bytes its views point to. Lives as long as the
/// connection; plugins borrow it during a call.
final class PluginClient {
    private let memory: UnsafeMutableRawPointer
    /// Borrowed while this object lives.
    var pointer: UnsafePointer<hl_client> { UnsafePointer(memory.assumingMemoryBound(to: hl_client.self)) }

    init(_ identity: ClientIdentity, connection: UInt64, protocolLevel: UInt8, isAnonymous: Bool, flags: UInt32 = 0) {
        let address = Array(identity.address.utf8)
        let listener = Array(identity.listener.utf8)
        let groupTable = MemoryLayout<hl_client>.stride
        let groupBytes = identity.groups.count * MemoryLayout<hl_view>.stride
        var size = groupTable + groupBytes + identity.groups.reduce(0) { $0 + $1.count }
        for part in [
            identity.clientID, identity.username, identity.account, address, listener, identity.certificate,
            identity.mountPoint,
        ] { size += part.count }
        if let peer = identity.peer {
            size += peer.subject.count + peer.fingerprint.count + peer.certificate.count + peer.keyIdentity.count
        }
        memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
        var cursor = memory + groupTable + groupBytes
        func place(_ bytes: [UInt8]) -> hl_view {
            guard !bytes.isEmpty else { return hl_view() }
            bytes.withUnsafeBytes { cursor.copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
            defer { cursor += bytes.count }
            return hl_view(
                ptr: UnsafePointer(cursor.assumingMemoryBound(to: UInt8.self)), len: UInt64(bytes.count))
        }
        var client = hl_client()
        client.struct_size = UInt32(MemoryLayout<hl_client>.size)
        client.flags = identity.layers.rawValue | (isAnonymous ? HL_CLIENT_ANONYMOUS : 0) | flags
        client.connection = connection
        client.client_id = place(identity.clientID)
        client.username = place(identity.username)
        client.address = place(address)
        client.listener = place(listener)
        client.account = place(identity.account)
        client.certificate = place(identity.certificate)
        client.mount_point = place(identity.mountPoint)
        if let peer = identity.peer {
            client.subject = place(peer.subject)
            client.fingerprint = place(peer.fingerprint)
            client.certificate_der = place(peer.certificate)
            client.psk_identity = place(peer.keyIdentity)
        }
        client.protocol = UInt32(protocolLevel)
        let groups = (memory + groupTable).bindMemory(to: hl_view.self, capacity: max(1, identity.groups.count))
        for (index, group) in identity.groups.enumerated() { (groups + index).initialize(to: place(group)) }
        client.groups = identity.groups.isEmpty ? nil : UnsafePointer(groups)
        client.group_count = UInt32(truncatingIfNeeded: identity.groups.count)
        memory.bindMemory(to: hl_client.self, capacity: 1).initialize(to: client)
    }

    deinit { memory.deallocate() }
}
