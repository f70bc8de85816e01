import Testing

@testable import Host

@Suite("Limits at accept")
struct AcceptGateTests {
    private let second: Int64 = 1_000_000_000

    @Test("No more connections than allowed are open at one time")
    func maximum() {
        let gate = AcceptGate(maximumConnections: 2, rate: nil, interval: second)
        #expect(gate.enter(address: "a", now: 0) == nil)
        #expect(gate.enter(address: "a", now: 0) == nil)
        #expect(gate.enter(address: "a", now: 0) == .tooManyConnections)
        #expect(gate.count == 2)
        gate.leave()
        #expect(gate.enter(address: "a", now: 0) == nil)
    }

    @Test("One address gets its rate at once, then evenly; others are not affected")
    func rate() {
        let gate = AcceptGate(maximumConnections: 100, rate: 4, interval: second)
        for _ in 0..<4 { #expect(gate.enter(address: "a", now: 0) == nil) }
        #expect(gate.enter(address: "a", now: 0) == .tooFast)
        #expect(gate.enter(address: "b", now: 0) == nil)
        #expect(gate.enter(address: "a", now: second / 4) == nil)
        #expect(gate.enter(address: "a", now: second / 4) == .tooFast)
        for _ in 0..<4 { #expect(gate.enter(address: "a", now: 10 * second) == nil) }
        #expect(gate.count == 10)
    }

    @Test("A Unix socket has no rate")
    func local() {
        let gate = AcceptGate(maximumConnections: 100, rate: 1, interval: second)
        for _ in 0..<10 { #expect(gate.enter(address: "", now: 0) == nil) }
    }

    @Test("Memory stays bounded under a flood from many addresses")
    func manyAddresses() {
        let gate = AcceptGate(maximumConnections: .max, rate: 1, interval: second)
        for number in 0..<3 * AcceptGate.maximumAddresses { _ = gate.enter(address: "\(number)", now: Int64(number)) }
        // The latest are remembered.
        let last = 3 * AcceptGate.maximumAddresses - 1
        #expect(gate.enter(address: "\(last)", now: Int64(last)) == .tooFast)
    }
}
