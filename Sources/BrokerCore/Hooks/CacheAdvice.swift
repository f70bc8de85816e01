import PluginABI

/// How far a verdict may be reused, gathered over the plugins that made it: as narrow as the narrowest of them says,
/// and not at all when one of them says nothing.
struct CacheAdvice {
    private(set) var scope = HL_CACHE_CLIENT
    private(set) var ttl = Int64.max

    /// Takes in what one plugin said beside its verdict.
    @inline(__always)
    mutating func add(_ answer: hl_answer) {
        guard answer.flags & HL_ANSWER_CACHE != 0 else {
            scope = HL_CACHE_NONE
            return
        }
        add(scope: answer.cache_scope, ttl: answer.cache_ttl)
    }

    /// A refusal stands on the word of the refusing plugin alone.
    mutating func replace(by answer: hl_answer) {
        self = CacheAdvice()
        add(answer)
    }

    mutating func limit(to widest: UInt32) { scope = min(scope, widest) }

    /// When a verdict given at `now` stops to hold; nil when it must not be kept.
    func expiry(now: Int64) -> Int64? {
        guard scope != HL_CACHE_NONE, ttl > 0 else { return nil }
        let (expires, overflow) = now.addingReportingOverflow(ttl)
        return overflow ? .max : expires
    }

    /// An unknown scope of a newer minor version counts as none.
    private mutating func add(scope given: UInt32, ttl givenTTL: Int64) {
        scope = given > HL_CACHE_CLIENT ? HL_CACHE_NONE : min(scope, given)
        ttl = min(ttl, givenTTL)
    }
}
