/// A filter as a walk over the retained store wants it: its levels, hashed.
struct RetainedPattern: Sendable {
    struct Level: Sendable {
        let bytes: [UInt8]
        let hash: UInt64
        let isPlus: Bool
    }

    /// The levels before a closing `#`.
    let levels: [Level]
    /// The filter ends with `#`.
    let isMultiLevel: Bool
    /// Also shows `$`-topics to a leading wildcard, which no client's filter may [MQTT-4.7.2-1].
    let includesDollar: Bool

    /// All messages of the store.
    static let everything = RetainedPattern(levels: [], isMultiLevel: true, includesDollar: true)

    private init(levels: [Level], isMultiLevel: Bool, includesDollar: Bool) {
        self.levels = levels
        self.isMultiLevel = isMultiLevel
        self.includesDollar = includesDollar
    }

    /// - Parameter filter: valid, without `$share/` prefix; copied.
    init(_ filter: UnsafeRawBufferPointer, hash: TopicHash) {
        var levels: [Level] = []
        var isMultiLevel = false
        for part in filter.split(separator: TopicFilter.slash, omittingEmptySubsequences: false) {
            if part.elementsEqual([TopicFilter.hash]) {
                isMultiLevel = true
                continue
            }
            let start = filter.baseAddress.map { $0 + part.startIndex }
            levels.append(
                Level(
                    bytes: Array(part), hash: start.map { hash.hash($0, part.count) } ?? 0,
                    isPlus: part.elementsEqual([TopicFilter.plus])))
        }
        self.init(levels: levels, isMultiLevel: isMultiLevel, includesDollar: false)
    }

    /// Below a node of this depth every child is allowed: the next level is `+` or under `#`.
    func isOpen(depth: Int) -> Bool { depth < levels.count ? levels[depth].isPlus : isMultiLevel }

    /// A topic of this many levels on an allowed path matches. `a/#` matches `a` too.
    func accepts(depth: Int) -> Bool { depth == levels.count || (isMultiLevel && depth > levels.count) }
}
