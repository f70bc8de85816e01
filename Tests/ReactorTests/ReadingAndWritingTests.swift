import Glibc
import Testing

@testable import Reactor

@Test func `an accepted connection is opened with the listener's tag and the peer's address`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    #expect(fixture.handler.told == [.opened(listener: 3)])
    #expect(fixture.handler.peers[0].host == "127.0.0.1")
    #expect(fixture.handler.peers[0].port != 0)
    #expect(fixture.loop.streamCount == 1)
    client.send(text: "x")
    fixture.run { fixture.handler.receivedBytes == 1 }
    #expect(fixture.handler.contexts == [7])
    fixture.loop.setContext(stream, 99)
    client.send(text: "y")
    fixture.run { fixture.handler.receivedBytes == 2 }
    #expect(fixture.handler.contexts == [7, 99])
}

@Test func `bytes that come one at a time are delivered one at a time and in order`() throws {
    let fixture = try LoopFixture()
    let (client, _) = try fixture.connect()
    for byte in 0..<200 as Range<UInt8> {
        client.send([byte])
        fixture.run { fixture.handler.receivedBytes == Int(byte) + 1 }
    }
    #expect(fixture.handler.bytes == Array(0..<200))
}

@Test func `bytes that are written one at a time arrive in order`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    for byte in 0..<200 as Range<UInt8> { #expect(fixture.write(stream, [byte]) == .wrote(1)) }
    #expect(client.receive(exactly: 200) == Array(0..<200))
}

@Test func `several pieces are written as one`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    var (first, second) = (Array("one, ".utf8), Array("two".utf8))
    let result = first.withUnsafeMutableBytes { first in
        second.withUnsafeMutableBytes { second in
            let pieces = [
                iovec(iov_base: first.baseAddress, iov_len: first.count),
                iovec(iov_base: second.baseAddress, iov_len: second.count),
            ]
            return pieces.withUnsafeBufferPointer { fixture.loop.write(stream, pieces: $0) }
        }
    }
    #expect(result == .wrote(8))
    #expect(client.receiveText(exactly: 8) == "one, two")
}

/// Keeps what a short write left over and writes on in `writable`, as the broker core does.
private final class Backlog {
    var bytes: ArraySlice<UInt8> = []
    func flush(_ loop: EventLoop, _ stream: StreamID) {
        guard !bytes.isEmpty else { return }
        let result = bytes.withUnsafeBytes { loop.write(stream, $0) }
        if case .wrote(let count) = result { bytes = bytes.dropFirst(count) }
    }
}

@Test func `a full socket takes part of a write, and the rest when it is writable again`() throws {
    var options = ListenerSocket.Options()
    options.sendBufferBytes = 4096
    let fixture = try LoopFixture(options: options)
    let client = try ClientSocket(port: fixture.listener.address.port, receiveBuffer: 4096)
    fixture.run { fixture.handler.streams.count == 1 }
    let stream = fixture.handler.streams[0]
    let backlog = Backlog()
    let all = (0..<400_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    backlog.bytes = all[...]
    fixture.handler.onWritable = { backlog.flush(fixture.loop, $0) }
    backlog.flush(fixture.loop, stream)
    #expect(!backlog.bytes.isEmpty)
    #expect(fixture.write(stream, [1]) == .wrote(0), "a stream that is full takes nothing until it is writable")
    var got: [UInt8] = []
    while got.count < all.count {
        fixture.runTurn()
        got += client.receive(waits: false)
    }
    #expect(got == all)
    #expect(fixture.handler.writableCount > 1)
    // Once drained, the loop waits for writability no more: a turn without anything to do tells nothing.
    fixture.runTurn()
    fixture.runTurn()
    let before = fixture.handler.writableCount
    fixture.runTurn()
    #expect(fixture.handler.writableCount == before)
    #expect(fixture.loop.state.pointee.streams.find(stream)?.pointee.interest == Epoll.readable | Epoll.peerHungUp)
}

@Test func `a stream that sends without end cannot starve another`() throws {
    let fixture = try LoopFixture()
    fixture.handler.countsOnly = true
    let (flood, flooding) = try fixture.connect()
    let (quiet, _) = try fixture.connect()
    let chunk = [UInt8](repeating: 1, count: 4_000_000)
    _ = flood.sendWithoutWaiting(chunk)
    quiet.send(text: "?")
    var perTurn: [StreamID: Int] = [:]
    var quietWasHeard = false
    fixture.handler.onReceived = { stream, bytes in
        if stream == flooding { perTurn[stream, default: 0] += bytes.count } else { quietWasHeard = true }
        _ = flood.sendWithoutWaiting(chunk)
    }
    fixture.runTurn()
    #expect(quietWasHeard)
    for _ in 0..<50 {
        perTurn = [:]
        fixture.runTurn()
        #expect(perTurn[flooding, default: 0] <= EventLoop.receiveCapacityBytes)
    }
}

@Test func `an idle stream takes at most 128 bytes`() {
    #expect(MemoryLayout<StreamRecord>.stride <= 128)
}
