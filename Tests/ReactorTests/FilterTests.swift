import Glibc
import Testing

@testable import Reactor

/// A toy layer with everything TLS and WebSocket need: a greeting, a handshake that ends in the middle of a read, bytes
/// that are held back until a block is full, a farewell, and errors.
private final class ToyFilter: StreamFilter {
    static let greeting = Array("HELLO\n".utf8)
    static let answer = Array("READY\n".utf8)
    static let farewell: UInt8 = 0xFF
    static let badByte: UInt8 = 0xFE
    static let key: UInt8 = 0x5A

    private var handshake: [UInt8] = []
    private var half: UInt8?
    private var isReady = false

    override var acceptsPlain: Bool { isReady }

    override func begin(wire: inout UnsafeByteSink) {
        Self.greeting.withUnsafeBytes { wire.append($0) }
    }

    override func decode(
        _ bytes: UnsafeRawBufferPointer, plain: inout UnsafeByteSink, wire: inout UnsafeByteSink
    ) -> FilterStatus {
        for byte in bytes {
            guard isReady else {
                handshake.append(byte)
                if handshake.last == UInt8(ascii: "\n") {
                    guard handshake == Array("START\n".utf8) else { return .failed(42) }
                    isReady = true
                    Self.answer.withUnsafeBytes { wire.append($0) }
                }
                continue
            }
            if byte == Self.farewell { return .ended }
            if byte == Self.badByte { return .failed(7) }
            // Bytes come through in pairs: half a block is held back.
            guard let first = half else {
                half = byte
                continue
            }
            half = nil
            [first ^ Self.key, byte ^ Self.key].withUnsafeBytes { plain.append($0) }
        }
        return .open
    }

    override func encode(_ bytes: UnsafeRawBufferPointer, wire: inout UnsafeByteSink) {
        wire.append(room: bytes.count) { room in
            for position in bytes.indices { room[position] = bytes[position] ^ Self.key }
            return bytes.count
        }
    }

    override func finish(wire: inout UnsafeByteSink) {
        [Self.farewell].withUnsafeBytes { wire.append($0) }
    }

    static func wire(_ text: String) -> [UInt8] { text.utf8.map { $0 ^ key } }
}

private func toyFixture(sendBuffer: Int32? = nil) throws -> LoopFixture {
    var options = ListenerSocket.Options()
    options.makeFilter = { _ in ToyFilter() }
    options.sendBufferBytes = sendBuffer
    return try LoopFixture(options: options)
}

@Test func `a filter shakes hands first, and writing waits for it`() throws {
    let fixture = try toyFixture()
    let (client, stream) = try fixture.connect()
    #expect(client.receive(exactly: 6) == ToyFilter.greeting)
    #expect(fixture.write(stream, [1, 2]) == .wrote(0), "the layer is not up yet")
    client.send(text: "STA")
    fixture.runTurn()
    #expect(fixture.handler.writableCount == 0)
    // The end of the handshake and the first bytes come in one read.
    client.send(Array("RT\n".utf8) + ToyFilter.wire("hi"))
    fixture.run { fixture.handler.writableCount == 1 }
    #expect(fixture.handler.bytes == Array("hi".utf8))
    #expect(client.receive(exactly: 6) == ToyFilter.answer)
    #expect(fixture.loop.write(stream, text: "there") == .wrote(5))
    #expect(client.receive(exactly: 5) == ToyFilter.wire("there"))
    #expect(fixture.loop.filter(of: stream) is ToyFilter)
}

@Test func `bytes a filter holds back come with the next ones, one at a time and in order`() throws {
    let fixture = try toyFixture()
    let (client, _) = try fixture.connect()
    for byte in Array("START\n".utf8) + ToyFilter.wire("abcdefg") {
        client.send([byte])
        fixture.runTurn()
    }
    fixture.run { fixture.handler.bytes.count == 6 }
    #expect(fixture.handler.bytes == Array("abcdef".utf8))
}

@Test(arguments: [(ToyFilter.farewell, CloseReason.peerClosed), (ToyFilter.badByte, .filter(7))])
func `a filter ends its stream after the bytes before`(byte: UInt8, reason: CloseReason) throws {
    let fixture = try toyFixture()
    let (client, _) = try fixture.connect()
    client.send(Array("START\n".utf8) + ToyFilter.wire("ab") + [byte])
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.bytes == Array("ab".utf8))
    #expect(fixture.handler.closeReasons == [reason])
}

@Test func `a handshake that fails closes the stream`() throws {
    let fixture = try toyFixture()
    let (client, _) = try fixture.connect()
    client.send(text: "GET /\n")
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.closeReasons == [.filter(42)])
}

@Test func `a filtered stream takes part of a large write and goes on when writable`() throws {
    let fixture = try toyFixture(sendBuffer: 4096)
    let client = try ClientSocket(port: fixture.listener.address.port, receiveBuffer: 4096)
    client.send(text: "START\n")
    fixture.run { fixture.handler.streams.count == 1 }
    let stream = fixture.handler.streams[0]
    fixture.run { fixture.loop.filter(of: stream)?.acceptsPlain == true }
    let all = (0..<600_000).map { UInt8(truncatingIfNeeded: $0 &* 13) }
    var rest = all[...]
    func flush() {
        let result = rest.withUnsafeBytes { fixture.loop.write(stream, $0) }
        if case .wrote(let count) = result { rest = rest.dropFirst(count) }
    }
    fixture.handler.onWritable = { _ in flush() }
    flush()
    #expect(!rest.isEmpty)
    var got: [UInt8] = []
    while got.count < all.count + 12 {
        fixture.runTurn()
        let unsent = fixture.loop.filter(of: stream)?.unsent.count ?? 0
        #expect(unsent <= 65536, "what a filter keeps is bounded")
        got += client.receive(waits: false)
    }
    #expect(got.dropFirst(12).elementsEqual(all.lazy.map { $0 ^ ToyFilter.key }))
}

@Test func `a graceful close sends what the filter kept and its farewell`() throws {
    let fixture = try toyFixture(sendBuffer: 4096)
    let client = try ClientSocket(port: fixture.listener.address.port, receiveBuffer: 4096)
    client.send(text: "START\n")
    fixture.run { fixture.handler.streams.count == 1 }
    let stream = fixture.handler.streams[0]
    fixture.run { fixture.loop.filter(of: stream)?.acceptsPlain == true }
    var written = 0
    while case .wrote(let count) = fixture.write(stream, [UInt8](repeating: 1, count: 50_000)), count > 0 {
        written += count
    }
    #expect((fixture.loop.filter(of: stream)?.unsent.count ?? 0) > 0)
    fixture.loop.close(stream, .graceful)
    var got: [UInt8] = []
    while got.last != ToyFilter.farewell {
        fixture.runTurn()
        got += client.receive(waits: false)
    }
    #expect(got.count == 12 + written + 1)
    fixture.runTurn()
    #expect(client.isAtEnd())
    client.close()
    fixture.run { fixture.loop.lingeringCount == 0 }
}

@Test func `a moved stream keeps the state of its filter`() throws {
    let fixture = try toyFixture()
    let (client, stream) = try fixture.connect()
    client.send(Array("START\n".utf8) + ToyFilter.wire("a"))
    fixture.run { fixture.loop.filter(of: stream)?.acceptsPlain == true }
    fixture.runTurn()
    let other = try LoopFixture()
    let moved = other.loop.adopt(try #require(fixture.loop.detach(stream)), context: 5)
    client.send(ToyFilter.wire("b"))
    other.run { other.handler.receivedBytes == 2 }
    #expect(other.handler.bytes == Array("ab".utf8))
    #expect(other.loop.write(moved, text: "ok") == .wrote(2))
    #expect(client.receive(exactly: 14).suffix(2).elementsEqual(ToyFilter.wire("ok")))
}
