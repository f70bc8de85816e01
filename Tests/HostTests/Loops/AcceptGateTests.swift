import Reactor
import Testing

@testable import Host

@Suite("Limits at accept")
struct AcceptGateTests {
    private let second: Int64 = 1_000_000_000

    private func gate(maximum: Int = 100, rate: Int?, queue: Int = 0, longestWait: Int64 = 0) -> AcceptGate {
        AcceptGate(
            maximumConnections: maximum,
            pace: rate.map { .init(count: $0, interval: second, queueCapacity: queue, longestWait: longestWait) })
    }

    @Test("No more connections than allowed are open at one time")
    func maximum() {
        let gate = gate(maximum: 2, rate: nil)
        #expect(gate.enter(address: "a", now: 0) == .now)
        #expect(gate.enter(address: "a", now: 0) == .now)
        #expect(gate.enter(address: "a", now: 0) == .refused(.tooManyConnections))
        #expect(gate.count == 2)
        gate.leave()
        #expect(gate.enter(address: "a", now: 0) == .now)
    }

    @Test("One address gets its rate at once, then evenly; others are not affected")
    func rate() {
        let gate = gate(rate: 4)
        for _ in 0..<4 { #expect(gate.enter(address: "a", now: 0) == .now) }
        #expect(gate.enter(address: "a", now: 0) == .refused(.tooFast))
        #expect(gate.enter(address: "b", now: 0) == .now)
        #expect(gate.enter(address: "a", now: second / 4) == .now)
        #expect(gate.enter(address: "a", now: second / 4) == .refused(.tooFast))
        for _ in 0..<4 { #expect(gate.enter(address: "a", now: 10 * second) == .now) }
        #expect(gate.count == 10)
    }

    @Test("Who comes too fast waits for the time the rate gives it, in order")
    func queue() {
        let gate = gate(rate: 4, queue: 100, longestWait: 10 * second)
        for _ in 0..<4 { _ = gate.enter(address: "a", now: 0) }
        for place in 1...8 { #expect(gate.enter(address: "a", now: 0) == .at(Int64(place) * second / 4)) }
        #expect(gate.enter(address: "b", now: 0) == .now)
        #expect(gate.counts == .init(delayed: 8, waiting: 8, refused: 0))
        #expect(gate.count == 13, "who waits holds a connection")
        gate.stopWaiting()
        gate.leave()
        #expect(gate.counts.waiting == 7)
    }

    @Test("The queue has an end, and nobody begins a wait that is too long")
    func bounds() {
        let short = gate(maximum: 1000, rate: 100, queue: 3, longestWait: 10 * second)
        for _ in 0..<100 { _ = short.enter(address: "a", now: 0) }
        for _ in 0..<3 {
            guard case .at = short.enter(address: "a", now: 0) else {
                Issue.record("there was room in the queue")
                return
            }
        }
        #expect(short.enter(address: "a", now: 0) == .refused(.tooFast))
        #expect(short.counts == .init(delayed: 3, waiting: 3, refused: 1))
        let patient = gate(rate: 1, queue: 100, longestWait: 2 * second)
        #expect(patient.enter(address: "a", now: 0) == .now)
        #expect(patient.enter(address: "a", now: 0) == .at(second))
        #expect(patient.enter(address: "a", now: 0) == .at(2 * second))
        #expect(patient.enter(address: "a", now: 0) == .refused(.tooFast))
        #expect(patient.enter(address: "a", now: 3 * second) == .now, "a refusal takes no place")
    }

    @Test("A Unix socket has no rate")
    func local() {
        let gate = gate(rate: 1)
        for _ in 0..<10 { #expect(gate.enter(address: "", now: 0) == .now) }
    }

    @Test("Nobody new comes in while memory is short")
    func memory() {
        let gate = gate(rate: nil)
        gate.setShortOfMemory(true)
        #expect(gate.enter(address: "a", now: 0) == .refused(.outOfMemory))
        gate.setShortOfMemory(false)
        #expect(gate.enter(address: "a", now: 0) == .now)
        #expect(gate.count == 1)
    }

    @Test("Memory stays bounded under a flood from many addresses")
    func manyAddresses() {
        let gate = gate(maximum: .max, rate: 1)
        for number in 0..<3 * AcceptGate.maximumAddresses { _ = gate.enter(address: "\(number)", now: Int64(number)) }
        // The latest are remembered.
        let last = 3 * AcceptGate.maximumAddresses - 1
        #expect(gate.enter(address: "\(last)", now: Int64(last)) == .refused(.tooFast))
    }
}

@Suite("Connections that wait")
struct WaitingRoomTests {
    private func entry(_ number: UInt64, at time: Int64) -> WaitingRoom.Entry {
        .init(admittedAt: time, stream: StreamID(rawValue: number), listener: 0, peer: .unix)
    }

    @Test("They are admitted in the order of their times, and not before")
    func order() {
        var room = WaitingRoom()
        for (number, time) in [(1, 30), (2, 10), (3, 20), (4, 10)] as [(UInt64, Int64)] {
            room.add(entry(number, at: time))
        }
        #expect(room.nextDeadline == 10)
        #expect(room.takeDue(now: 9) == nil)
        var order: [UInt64] = []
        while let next = room.takeDue(now: 20) { order.append(next.stream.rawValue) }
        #expect(order == [2, 4, 3], "equal times keep the order of arrival")
        #expect(room.nextDeadline == 30)
        #expect(room.takeDue(now: 30)?.stream.rawValue == 1)
        #expect(room.isEmpty && room.nextDeadline == nil)
    }

    @Test("Who hangs up gives its place away, once")
    func leaving() {
        var room = WaitingRoom()
        for number in 1...5 { room.add(entry(UInt64(number), at: Int64(number))) }
        _ = room.takeDue(now: 1)
        let removed = [2, 2, 1, 5].map { room.remove(StreamID(rawValue: UInt64($0))) }
        #expect(removed == [true, false, false, true])
        #expect(room.removeAll().map(\.stream.rawValue) == [3, 4])
        #expect(room.isEmpty)
    }
}
