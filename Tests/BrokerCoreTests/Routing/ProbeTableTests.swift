import Testing

@testable import BrokerCore

@Suite struct ProbeTableTests {
    @Test("A probe table agrees with a dictionary over random changes, with many collisions", arguments: [1, 2, 3])
    func agree(_ seed: UInt64) {
        var random = RoutingRandom(seed: seed)
        var table = UnsafeProbeTable<UInt32>(capacity: 4)
        var model: Set<UInt32> = []
        // Few hashes near the end of the table: long runs that wrap around.
        func hash(_ key: UInt32) -> UInt64 { UInt64(key % 13) &* 2 &+ 0xFFFF_FFF0 }
        for _ in 0..<20_000 {
            let key = UInt32.random(in: 0..<200, using: &random)
            if random.chance(50), !model.contains(key) {
                table.insert(hash(key), key)
                model.insert(key)
            } else {
                let removed = table.remove(hash(key)) { $0 == key }
                #expect((removed != nil) == (model.remove(key) != nil))
            }
            let other = UInt32.random(in: 0..<200, using: &random)
            #expect((table.find(hash(other)) { $0 == other } != nil) == model.contains(other))
        }
        #expect(table.count == model.count)
        for key in model { #expect(table.find(hash(key)) { $0 == key } == key) }
    }
}
