import Glibc
import Testing

@testable import Reactor

@Test func `a paused stream delivers nothing until it is resumed, and what came meanwhile then`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.pauseReading(stream)
    client.send(text: "later")
    fixture.runTurn()
    fixture.runTurn()
    #expect(fixture.handler.receivedBytes == 0)
    fixture.loop.resumeReading(stream)
    fixture.run { fixture.handler.receivedBytes == 5 }
    #expect(fixture.handler.bytes == Array("later".utf8))
}

@Test func `a paused stream slows its peer down`() throws {
    let fixture = try LoopFixture()
    fixture.handler.countsOnly = true
    let (client, stream) = try fixture.connect()
    fixture.loop.pauseReading(stream)
    let chunk = [UInt8](repeating: 7, count: 1_000_000)
    var sent = 0
    while true {
        let count = client.sendWithoutWaiting(chunk)
        sent += count
        if count == 0 { break }
        fixture.runTurn()
    }
    #expect(fixture.handler.receivedBytes == 0)
    fixture.loop.resumeReading(stream)
    fixture.run { fixture.handler.receivedBytes == sent }
}

/// Pauses reading above one number of unsent bytes and resumes below another, as the broker does with a slow consumer.
@Test func `water marks with pause and resume bound what waits, and every byte comes through`() throws {
    var options = ListenerSocket.Options()
    options.sendBufferBytes = 8192
    let fixture = try LoopFixture(options: options)
    fixture.handler.countsOnly = true
    let client = try ClientSocket(port: fixture.listener.address.port, receiveBuffer: 8192)
    fixture.run { fixture.handler.streams.count == 1 }
    var waiting: ArraySlice<UInt8> = []
    var most = 0
    func flush(_ stream: StreamID) {
        guard !waiting.isEmpty else { return }
        let result = waiting.withUnsafeBytes { fixture.loop.write(stream, $0) }
        if case .wrote(let count) = result { waiting = waiting.dropFirst(count) }
        if waiting.count < 100_000 { fixture.loop.resumeReading(stream) }
    }
    fixture.handler.onReceived = { stream, bytes in
        waiting += bytes
        most = max(most, waiting.count)
        if waiting.count >= 300_000 { fixture.loop.pauseReading(stream) }
        flush(stream)
    }
    fixture.handler.onWritable = { flush($0) }
    let total = 1_500_000
    let sending = (0..<total).map { UInt8(truncatingIfNeeded: $0 &* 17 &+ $0 >> 9) }
    var (sent, got) = (0, [UInt8]())
    while got.count < total {
        if sent < total { sent += client.sendWithoutWaiting(Array(sending[sent..<min(total, sent + 65536)])) }
        fixture.runTurn()
        // The consumer is slower than the sender.
        got += client.receive(atMost: 16384, waits: false)
    }
    #expect(got == sending)
    #expect(most < 300_000 + EventLoop.receiveCapacityBytes)
    #expect(most >= 300_000, "the upper mark was reached")
}

@Test func `a hang-up of a paused stream is noticed once, and its bytes are there after resuming`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.pauseReading(stream)
    client.send(text: "unread")
    client.shutdownSending()
    fixture.run { fixture.handler.told.contains(.hungUp) }
    let turns = fixture.handler.turnsEnded
    fixture.runTurn()
    fixture.runTurn()
    #expect(fixture.handler.turnsEnded == turns + 2)
    #expect(fixture.handler.told.filter { $0 == .hungUp }.count == 1)
    #expect(fixture.handler.receivedBytes == 0)
    #expect(fixture.write(stream, Array("still open".utf8)) == .wrote(10), "half of the connection is still there")
    #expect(client.receiveText(exactly: 10) == "still open")
    fixture.loop.resumeReading(stream)
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.bytes == Array("unread".utf8))
    #expect(fixture.handler.closeReasons == [.peerClosed])
}

@Test func `a hang-up that becomes a reset is told once`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.pauseReading(stream)
    client.shutdownSending()
    fixture.run { fixture.handler.told.contains(.hungUp) }
    client.reset()
    let record = try #require(fixture.loop.state.pointee.streams.find(stream))
    fixture.run { record.pointee.interest == 0 }
    #expect(fixture.handler.told == [.opened(listener: 3), .hungUp])
}

@Test func `a reset of a paused stream is noticed without spinning, and told as closed after resuming`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.pauseReading(stream)
    client.send(text: "unread")
    client.reset()
    fixture.run { fixture.handler.told.contains(.hungUp) }
    // The dead socket has left epoll: a turn with a deadline sleeps until that deadline.
    let asleepUntil = MonotonicClock.now + 30_000_000
    fixture.handler.deadline = asleepUntil
    fixture.loop.turn(fixture.handler)
    #expect(MonotonicClock.now >= asleepUntil)
    fixture.loop.resumeReading(stream)
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.closeReasons == [.reset])
    #expect(fixture.handler.bytes == Array("unread".utf8) || fixture.handler.bytes.isEmpty)
}

@Test func `a paused stream may be closed when its peer hangs up`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.handler.onHungUp = { fixture.loop.close($0, .abort) }
    fixture.loop.pauseReading(stream)
    client.close()
    fixture.run { !fixture.handler.closeReasons.isEmpty }
    #expect(fixture.handler.told == [.opened(listener: 3), .hungUp, .closed(.local)])
}

@Test func `pausing and resuming within a turn costs no system call`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    let record = try #require(fixture.loop.state.pointee.streams.find(stream))
    fixture.loop.pauseReading(stream)
    #expect(record.pointee.interest & Epoll.readable != 0, "epoll is told when something comes, not before")
    fixture.loop.resumeReading(stream)
    client.send(text: "x")
    fixture.run { fixture.handler.receivedBytes == 1 }
}
