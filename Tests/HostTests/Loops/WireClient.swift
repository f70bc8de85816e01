import COpenSSL
import Glibc
import MQTTCodec
import Testing

/// A socket that speaks just enough MQTT 3.1.1 and 5.0 to see whether bytes come through; with TLS where asked for.
final class WireClient {
    private let descriptor: Int32
    private var secure: OpaquePointer?
    private var key: (identity: String, bytes: String)?

    /// Connects to a port of 127.0.0.1. Reads give up after five seconds.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var timeout = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(result == 0)
    }

    deinit {
        SSL_free(secure)
        close(descriptor)
    }

    /// A handshake as a client with a certificate (PEM files), or with a pre-shared key. The server is not looked at.
    /// False: it was refused.
    func secure(certificate: (file: String, key: String)? = nil, key: (identity: String, bytes: String)? = nil) throws
        -> Bool
    {
        let context = try #require(SSL_CTX_new(TLS_client_method()))
        defer { SSL_CTX_free(context) }
        if let certificate {
            #expect(SSL_CTX_use_certificate_file(context, certificate.file, SSL_FILETYPE_PEM) == 1)
            #expect(SSL_CTX_use_PrivateKey_file(context, certificate.key, SSL_FILETYPE_PEM) == 1)
        }
        let connection = try #require(SSL_new(context))
        secure = connection
        if key != nil {
            self.key = key
            SSL_set_ex_data(connection, 0, Unmanaged.passUnretained(self).toOpaque())
            SSL_set_psk_client_callback(connection) { connection, _, identity, capacity, room, roomSize in
                guard let me = SSL_get_ex_data(connection, 0),
                    let key = Unmanaged<WireClient>.fromOpaque(me).takeUnretainedValue().key, let identity, let room,
                    key.identity.utf8.count < capacity, key.bytes.utf8.count <= roomSize
                else { return 0 }
                strcpy(identity, key.identity)
                for (index, byte) in key.bytes.utf8.enumerated() { room[index] = byte }
                return UInt32(key.bytes.utf8.count)
            }
        }
        SSL_set_fd(connection, descriptor)
        return SSL_connect(connection) == 1
    }

    /// Any packet, in the version given.
    func send(_ packet: Packet, _ version: ProtocolVersion = .v5_0) { send(packet.encode(version: version)) }

    /// The next packet, read in the version given; nil at the end of the stream.
    func next(_ version: ProtocolVersion = .v5_0) throws -> Packet? {
        guard let (first, body) = packet() else { return nil }
        return try Packet.decode([first, UInt8(body.count)] + body, version: version, role: .fromServer)
    }

    /// CONNECT with a clean start.
    func connect(_ clientID: String, version: UInt8 = 4) {
        var body: [UInt8] = [0, 4] + Array("MQTT".utf8) + [version, 2, 0, 60]
        if version == 5 { body.append(0) }
        send(0x10, body + Self.text(clientID))
    }

    /// SUBSCRIBE, 3.1.1.
    func subscribe(_ filter: String, qos: UInt8 = 0) { send(0x82, [0, 1] + Self.text(filter) + [qos]) }

    /// PUBLISH with QoS 0, 3.1.1.
    func publish(_ topic: String, _ payload: String) { send(0x30, Self.text(topic) + Array(payload.utf8)) }

    /// PUBLISH with QoS 1 and packet identifier 7, 3.1.1.
    func publishOnce(_ topic: String, _ payload: String) {
        send(0x32, Self.text(topic) + [0, 7] + Array(payload.utf8))
    }

    /// PUBACK for the packet identifier of a PUBLISH that came in, 3.1.1.
    func acknowledge(_ publish: [UInt8]) {
        let start = 2 + Int(publish[0]) << 8 + Int(publish[1])
        send(0x40, Array(publish[start..<(start + 2)]))
    }

    /// The next packet: its first byte and what follows the length; nil at the end of the stream.
    func packet() -> (first: UInt8, body: [UInt8])? {
        guard let head = bytes(2), let body = bytes(Int(head[1])) else { return nil }
        return (head[0], body)
    }

    private func send(_ first: UInt8, _ body: [UInt8]) {
        send([first, UInt8(body.count)] + body)
    }

    private func send(_ packet: [UInt8]) {
        if let secure {
            #expect(SSL_write(secure, packet, Int32(packet.count)) == packet.count)
        } else {
            #expect(Glibc.send(descriptor, packet, packet.count, Int32(MSG_NOSIGNAL)) == packet.count)
        }
    }

    private func bytes(_ count: Int) -> [UInt8]? {
        var result: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 256)
        while result.count < count {
            let wanted = min(chunk.count, count - result.count)
            let got =
                secure.map { Int(SSL_read($0, &chunk, Int32(wanted))) } ?? recv(descriptor, &chunk, wanted, 0)
            guard got > 0 else { return nil }
            result += chunk.prefix(got)
        }
        return result
    }

    private static func text(_ text: String) -> [UInt8] {
        [UInt8(text.utf8.count >> 8), UInt8(text.utf8.count & 0xFF)] + Array(text.utf8)
    }
}
