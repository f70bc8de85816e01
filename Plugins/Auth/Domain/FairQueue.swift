import Threading

/// Elements that wait in one lane per key; lanes take turns. Whoever sends a thousand waits behind itself, and somebody
/// who sends one waits for one of each.
struct FairQueue<Element> {
    private var lanes: [[UInt8]: ArrivalQueue<Element>] = [:]
    /// Keys of `lanes`, each once, in the order of their turns.
    private var turns = ArrivalQueue<[UInt8]>()
    private(set) var count = 0

    private let maximumCount: Int
    private let maximumPerLane: Int

    init(maximumCount: Int, maximumPerLane: Int) {
        self.maximumCount = maximumCount
        self.maximumPerLane = maximumPerLane
    }

    /// - Returns: false when the queue or the lane is full.
    mutating func add(_ element: Element, lane key: [UInt8]) -> Bool {
        guard count < maximumCount else { return false }
        if lanes[key] == nil { turns.add(key) }
        guard lanes[key, default: ArrivalQueue(bound: maximumPerLane)].add(element) else { return false }
        count += 1
        return true
    }

    mutating func take() -> Element? {
        while let key = turns.take() {
            // A lane may have been emptied by `remove` since it got its turn.
            let element = lanes[key]?.take()
            if lanes[key]?.count == 0 { lanes[key] = nil } else { turns.add(key) }
            guard let element else { continue }
            count -= 1
            return element
        }
        return nil
    }

    /// Takes elements of one lane out of their turn.
    /// - Returns: those.
    @discardableResult
    mutating func remove(lane key: [UInt8], where isMeant: (Element) -> Bool) -> [Element] {
        let removed = lanes[key]?.remove(where: isMeant) ?? []
        count -= removed.count
        return removed
    }

    /// How many are served before an element that is added to this lane now, at most.
    func ahead(lane key: [UInt8]) -> Int {
        min(count, ((lanes[key]?.count ?? 0) + 1) * max(lanes.count, 1))
    }

    mutating func removeAll() {
        (lanes, turns, count) = ([:], ArrivalQueue(), 0)
    }
}
