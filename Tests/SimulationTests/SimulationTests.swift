import Glibc
import Testing

/// The whole broker core under every kind of weather, seed by seed. docs/simulation.md says what is checked.
@Suite struct SimulationTests {
    /// Seeds of this run: 500, `SIMULATION_SEEDS` of them, or `SIMULATION_SEED` alone.
    private static let seeds: Range<UInt64> = {
        if let one = number("SIMULATION_SEED") { return one..<(one + 1) }
        return 1..<((number("SIMULATION_SEEDS") ?? 500) + 1)
    }()
    private static let pieces = 20
    private static let stepCount = Int(number("SIMULATION_STEPS") ?? 200)

    private static func number(_ name: String) -> UInt64? {
        getenv(name).flatMap { UInt64(String(cString: $0)) }
    }

    @Test("Nothing a seed brings breaks a rule", arguments: 0..<pieces)
    func seeds(piece: Int) {
        // Every failing seed is listed; the long search for a short trace is for one of them.
        var isFirst = true
        for seed in Self.seeds where seed % UInt64(Self.pieces) == UInt64(piece) || Self.seeds.count == 1 && piece == 0
        {
            let scenario = Scenario(seed: seed, stepCount: Self.stepCount)
            CrashedSeeds.begin(seed, piece: piece)
            let outcome = Simulator(scenario).run()
            CrashedSeeds.end(piece: piece)
            guard let failure = outcome else { continue }
            guard isFirst else {
                Issue.record("seed \(seed): \(failure)\nreplay with: make simulate SEED=\(seed)")
                continue
            }
            isFirst = false
            var shrinker = Shrinker(rule: failure.rule)
            let shortest = shrinker.shrink(scenario)
            let replay = Simulator(shortest, traces: true)
            let last = replay.run() ?? failure
            let trace = (replay.lines ?? []).joined(separator: "\n")
            Issue.record(
                """
                seed \(seed): \(failure)
                replay with: make simulate SEED=\(seed)
                \(scenario.shards) shards, \(shortest.steps.count) of \(scenario.steps.count) steps needed:
                \(trace)
                \(last)
                """)
        }
    }
}
