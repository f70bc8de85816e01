import Glibc
import Locking
import Testing

@testable import Reactor

@Test func `a stream that moves between running loops loses and reorders nothing`() throws {
    let server = try EchoServer(loopCount: 2, bytesPerMove: 700)
    let client = try ClientSocket(port: server.listener.address.port)
    let all = (0..<500_000).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 11) }
    var (sent, got) = (0, [UInt8]())
    while got.count < all.count {
        // At most 20,000 bytes are under way, so that no read is larger and every connection moves often.
        while sent < all.count, sent - got.count < 20_000 {
            let count = client.sendWithoutWaiting(Array(all[sent..<min(all.count, sent + 5000)]))
            sent += count
            if count == 0 { break }
        }
        let more = client.receive()
        if more.isEmpty { break }
        got += more
    }
    #expect(got == all)
    #expect(server.progress.moveCount > 10)
    client.close()
    server.stop()
    #expect(server.progress.openedOnLoops.count == 1)
    #expect(server.progress.closedCount == 1, "moving is not closing")
}

@Test func `every loop accepts from the shared listener`() throws {
    let server = try EchoServer(loopCount: 2)
    var clients: [ClientSocket] = []
    // Which loop takes a connection is the kernel's choice; that one never does in so many would be a fault.
    while Set(server.progress.openedOnLoops).count < 2, clients.count < 4000 {
        let client = try ClientSocket(port: server.listener.address.port)
        client.send([1])
        #expect(client.receive() == [1])
        clients.append(client)
    }
    #expect(Set(server.progress.openedOnLoops) == [0, 1])
    server.stop()
    #expect(server.progress.closedCount == clients.count)
}

@Test func `a detached stream that nobody adopts is closed`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    var detached = fixture.loop.detach(stream)
    #expect(detached != nil)
    #expect(fixture.loop.detach(stream) == nil)
    #expect(fixture.write(stream, [1]) == .closed)
    detached = nil
    #expect(client.isAtEnd())
    fixture.runTurn()
    #expect(fixture.handler.closeReasons.isEmpty)
    #expect(fixture.loop.streamCount == 0)
}

@Test func `a full stream that moves is told when it is writable, on its new loop`() throws {
    let fixture = try LoopFixture()
    let client = try ClientSocket(port: fixture.listener.address.port, receiveBuffer: 4096)
    fixture.run { fixture.handler.streams.count == 1 }
    let stream = fixture.handler.streams[0]
    let chunk = [UInt8](repeating: 3, count: 1_000_000)
    while case .wrote(let count) = fixture.write(stream, chunk), count == chunk.count {}
    let other = try LoopFixture()
    let moved = other.loop.adopt(try #require(fixture.loop.detach(stream)), context: 1)
    #expect(other.write(moved, [1]) == .wrote(0))
    while other.handler.writableCount == 0 {
        other.runTurn()
        _ = client.receive(waits: false)
    }
    #expect(other.handler.told == [.writable])
}

@Test func `a paused stream stays paused when it moves`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.pauseReading(stream)
    client.send(text: "unread")
    let other = try LoopFixture()
    let moved = other.loop.adopt(try #require(fixture.loop.detach(stream)), context: 1)
    other.runTurn()
    #expect(other.handler.told.isEmpty)
    other.loop.resumeReading(moved)
    other.run { other.handler.receivedBytes == 6 }
}

@Test func `one end of a socket pair can be adopted`() throws {
    let fixture = try LoopFixture()
    var ends: [Int32] = [0, 0]
    #expect(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
    let peer = ClientSocket(descriptor: ends[0])
    let stream = fixture.loop.adopt(descriptor: ends[1], context: 12)
    peer.send(text: "hi")
    fixture.run { fixture.handler.receivedBytes == 2 }
    #expect(fixture.handler.contexts == [12])
    #expect(fixture.write(stream, [1]) == .wrote(1))
    peer.close()
    fixture.run { !fixture.handler.closeReasons.isEmpty }
}

@Test func `many wakes before a turn are one call`() throws {
    let fixture = try LoopFixture()
    for _ in 0..<1000 { fixture.loop.wake() }
    fixture.runTurn()
    #expect(fixture.handler.woken == 1)
    fixture.runTurn()
    #expect(fixture.handler.woken == 1)
}

/// Counts messages that arrive through a mailbox; says when all are there.
private final class CountingHandler: StreamHandler {
    var mailbox: Mailbox<Int>!
    var seen: [Int] = []
    var wakes = 0
    let target: Int
    let done: @Sendable () -> Void
    init(target: Int, done: @escaping @Sendable () -> Void) {
        self.target = target
        self.done = done
    }
    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 { 0 }
    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {}
    func writable(_ stream: StreamID, context: UInt64, now: Int64) {}
    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) {}
    func woken(now: Int64) {
        wakes += 1
        mailbox.drain(into: &seen)
        if seen.count == target { done() }
    }
    func endOfTurn(now: Int64) {}
    func nextDeadline() -> Int64? { nil }
}

@Test func `no message and no wake is lost between threads, whether the loop sleeps or not`() throws {
    let count = 20_000
    let stopper = Locked<EventLoop?>(nil)
    let handler = CountingHandler(target: count) { stopper.withLock { $0?.stop() } }
    let loop = try EventLoop(index: 0, handler: handler)
    stopper.withLock { $0 = loop }
    let mailbox = Mailbox<Int>(wakes: loop, capacity: count)
    handler.mailbox = mailbox
    let thread = try LoopThread(running: loop, name: "counting")
    for message in 0..<count {
        #expect(mailbox.post(message))
        // Now and then the loop falls asleep in between.
        if message % 512 == 0 { sched_yield() }
    }
    thread.join()
    #expect(handler.seen == Array(0..<count))
    stopper.withLock { $0 = nil }
}

@Test func `a full mailbox refuses`() throws {
    let loop = try EventLoop(index: 0, handler: ScriptedHandler())
    let mailbox = Mailbox<String>(wakes: loop, capacity: 2)
    #expect(mailbox.post("a") && mailbox.post("b"))
    #expect(!mailbox.post("c"))
    var drained = ["before"]
    mailbox.drain(into: &drained)
    #expect(drained == ["before", "a", "b"])
    #expect(mailbox.post("c"))
}

@Test func `a deadline of the handler ends the sleep, not before and hardly after`() throws {
    let fixture = try LoopFixture()
    let deadline = MonotonicClock.now + 20_000_000
    fixture.handler.deadline = deadline
    fixture.loop.turn(fixture.handler)
    #expect(fixture.loop.now >= deadline)
    #expect(fixture.handler.turnsEnded == 1)
}

/// Not a check: prints what the loop moves on this machine. Run it in a release build to learn something.
@Test func `throughput of an echo through one loop`() throws {
    let server = try EchoServer(loopCount: 1)
    let client = try ClientSocket(port: server.listener.address.port)
    let chunk = [UInt8](repeating: 9, count: 65536)
    let total = 64 * 1024 * 1024
    let start = MonotonicClock.now
    var (sent, got) = (0, 0)
    while got < sent || sent < total {
        if sent < total { sent += client.sendWithoutWaiting(chunk) }
        got += client.receive(waits: sent >= total).count
        if sent - got > 4_000_000 { got += client.receive().count }
    }
    let bulkSeconds = Double(MonotonicClock.now - start) / 1e9
    let trips = 20_000
    let tripsStart = MonotonicClock.now
    for _ in 0..<trips {
        client.send([1])
        #expect(client.receive().count == 1)
    }
    let tripMicroseconds = Double(MonotonicClock.now - tripsStart) / 1e3 / Double(trips)
    print("echo: \(Int(Double(total) / bulkSeconds / 1e6)) MB/s, \(tripMicroseconds) us per round trip")
    client.close()
    server.stop()
}
