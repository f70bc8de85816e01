import Glibc
import Testing

@testable import Reactor
import Timing

@Test func `the end of the peer's stream comes after every byte it sent`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    client.send(text: "last words")
    client.shutdownSending()
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.bytes == Array("last words".utf8))
    #expect(fixture.handler.told.last == .closed(.peerClosed))
    #expect(fixture.write(stream, [1]) == .closed)
    #expect(fixture.loop.streamCount == 0)
}

@Test func `a reset is told as a reset`() throws {
    let fixture = try LoopFixture()
    let (client, _) = try fixture.connect()
    client.reset()
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.closeReasons == [.reset])
}

@Test func `what a peer sent before it went away is read although writing to it fails`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    #expect(fixture.write(stream, Array("unread".utf8)) == .wrote(6))
    client.send(text: "published")
    // The unread bytes make the kernel reset the connection.
    client.close()
    var results: Set<WriteResult> = []
    while !results.contains(.closed) { results.insert(fixture.write(stream, [1])) }
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.bytes == Array("published".utf8))
    #expect(fixture.handler.closeReasons == [.reset])
}

@Test func `a graceful close delivers everything written, then the end`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    // Unread bytes of the peer would turn a plain close into a reset that destroys the farewell.
    client.send(text: "nobody reads this")
    let farewell = [UInt8](repeating: 0xE0, count: 50_000)
    #expect(fixture.write(stream, farewell) == .wrote(50_000))
    fixture.loop.close(stream, .graceful)
    #expect(fixture.write(stream, [1]) == .closed, "the id is stale at once")
    fixture.runTurn()
    #expect(fixture.handler.closeReasons == [.local])
    #expect(fixture.loop.streamCount == 0)
    #expect(client.receive(exactly: 50_000) == farewell)
    #expect(client.isAtEnd())
    client.close()
    fixture.run { fixture.loop.lingeringCount == 0 }
    #expect(fixture.handler.closeReasons == [.local], "closed is told once")
    #expect(!fixture.handler.told.contains(.received(Array("nobody reads this".utf8))))
}

@Test func `a peer that never hangs up ends a graceful close after the linger time`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.close(stream, .graceful)
    #expect(fixture.loop.lingeringCount == 1)
    fixture.loop.timers.advance(to: fixture.loop.now + 1_999_000_000) { _, _, _ in Issue.record("too early") }
    fixture.loop.timers.advance(to: fixture.loop.now + 2_000_000_000) { kind, payload, _ in
        #expect(LoopTimer(rawValue: kind) == .lingerEnds)
        fixture.loop.lingerExpired(StreamID(rawValue: payload))
    }
    #expect(fixture.loop.lingeringCount == 0)
    #expect(client.isAtEnd())
}

@Test(arguments: [CloseMode.abort, .graceful])
func `a handler may close the stream whose bytes it is given, and hears of it once`(mode: CloseMode) throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.handler.onReceived = { stream, bytes in
        fixture.loop.close(stream, mode)
        fixture.loop.close(stream, mode)
        #expect(bytes.elementsEqual("bye".utf8), "the bytes stay valid until the call returns")
        #expect(fixture.handler.closeReasons.isEmpty, "closed does not come inside of another call")
    }
    client.send(text: "bye")
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(client.isAtEnd())
    client.close()
    fixture.run { fixture.loop.lingeringCount == 0 }
    #expect(fixture.handler.closeReasons == [.local])
    #expect(fixture.loop.detach(stream) == nil)
}

@Test func `a handler may close a connection while it is opened`() throws {
    let fixture = try LoopFixture()
    fixture.handler.onOpened = { stream in
        fixture.loop.close(stream, .abort)
        return 1
    }
    let (client, _) = try fixture.connect()
    #expect(fixture.handler.told == [.opened(listener: 3), .closed(.local)])
    #expect(client.receive().isEmpty)
}

@Test func `a connection closed while it is opened is told with the context of the call`() throws {
    let fixture = try LoopFixture()
    var contexts: [UInt64] = []
    fixture.handler.onOpened = { stream in
        fixture.loop.close(stream, .abort)
        return 77
    }
    fixture.handler.onClosedContext = { contexts.append($0) }
    _ = try fixture.connect()
    #expect(contexts == [77])
}

@Test func `streams that linger are bounded in number`() throws {
    let fixture = try LoopFixture()
    fixture.loop.lingeringLimit = 1
    let clients = try (0..<3).map { _ in try fixture.connect() }
    for (_, stream) in clients { fixture.loop.close(stream, .graceful) }
    #expect(fixture.loop.lingeringCount == 1)
    for (client, _) in clients { #expect(client.isAtEnd()) }
    fixture.runTurn()
    #expect(fixture.handler.closeReasons == [.local, .local, .local])
}

@Test func `a stream adopted while the loop ends is closed, too`() throws {
    let source = try LoopFixture()
    let (client, stream) = try source.connect()
    let fixture = try LoopFixture()
    var detached = source.loop.detach(stream)
    fixture.handler.onEndOfTurn = {
        guard let arriving = detached else { return }
        detached = nil
        _ = fixture.loop.adopt(arriving, context: 1)
    }
    fixture.loop.stop()
    fixture.loop.run()
    #expect(fixture.handler.closeReasons == [.local])
    #expect(client.isAtEnd())
}

@Test func `events of a stream that was closed earlier in the same turn are ignored`() throws {
    let fixture = try LoopFixture()
    var clients: [ClientSocket] = []
    for _ in 0..<2 { clients.append(try fixture.connect().0) }
    // Whichever is read first closes both; the event of the other one is waiting in the same turn.
    let streams = fixture.handler.streams
    fixture.handler.onReceived = { _, _ in for stream in streams { fixture.loop.close(stream, .abort) } }
    for client in clients { client.send(text: "!") }
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.receivedBytes == 1)
    #expect(fixture.handler.closeReasons == [.local, .local])
}

@Test func `a stale id does not reach the stream that took the place`() throws {
    let fixture = try LoopFixture()
    let (first, old) = try fixture.connect()
    fixture.loop.close(old, .abort)
    let (second, new) = try fixture.connect()
    #expect(new.index == old.index)
    #expect(fixture.write(old, [1]) == .closed)
    fixture.loop.pauseReading(old)
    fixture.loop.setContext(old, 1)
    fixture.loop.close(old, .graceful)
    second.send(text: "x")
    fixture.run { fixture.handler.receivedBytes == 1 }
    #expect(fixture.handler.contexts == [7])
    #expect(first.receive().isEmpty)
}

@Test func `closing in endOfTurn is told before the next turn`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.handler.onEndOfTurn = { fixture.loop.close(stream, .abort) }
    let before = fixture.handler.turnsEnded
    fixture.runTurn()
    #expect(fixture.handler.closeReasons == [.local])
    #expect(fixture.handler.turnsEnded == before + 2, "what closing left dirty is flushed")
    #expect(client.isAtEnd())
}

@Test func `stop closes what is open and gives farewells their time`() throws {
    let fixture = try LoopFixture()
    let (open, _) = try fixture.connect()
    let (parting, stream) = try fixture.connect()
    parting.send(text: "unread")
    _ = fixture.write(stream, Array("farewell".utf8))
    fixture.loop.close(stream, .graceful)
    fixture.loop.stop()
    let thread = try LoopThread(running: fixture.loop, name: "stopped")
    #expect(parting.receiveText(exactly: 8) == "farewell")
    #expect(parting.isAtEnd())
    parting.close()
    thread.join()
    #expect(fixture.handler.closeReasons == [.local, .local])
    #expect(open.isAtEnd())
}
