/// Finds a shorter run that breaks the same rule: leaves out ever smaller pieces of the steps as long as it does.
struct Shrinker {
    let rule: String
    /// Runs that may be spent.
    var budget = 1500

    mutating func shrink(_ scenario: Scenario) -> Scenario {
        var best = scenario
        var size = max(1, best.steps.count / 2)
        while true {
            var start = 0
            var hasShrunk = false
            while start < best.steps.count, budget > 0 {
                var candidate = best
                candidate.steps.removeSubrange(start..<min(start + size, best.steps.count))
                budget -= 1
                if Simulator(candidate).run()?.rule == rule {
                    best = candidate
                    hasShrunk = true
                } else {
                    start += size
                }
            }
            if size == 1, !hasShrunk || budget <= 0 { return best }
            if budget <= 0 { return best }
            size = max(1, size / 2)
        }
    }
}
