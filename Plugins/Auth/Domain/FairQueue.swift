/// Elements that wait in one lane per key; lanes take turns. Whoever sends a thousand waits behind itself, and somebody
/// who sends one waits for one of each.
struct FairQueue<Element> {
    private struct Lane {
        var elements: [Element] = []
        /// Index of the first one that is left.
        var first = 0

        var count: Int { elements.count - first }

        mutating func take() -> Element? {
            guard first < elements.count else { return nil }
            let element = elements[first]
            first += 1
            if first >= 64, first * 2 >= elements.count {
                elements.removeFirst(first)
                first = 0
            }
            return element
        }
    }

    private var lanes: [[UInt8]: Lane] = [:]
    /// Keys of `lanes`, each once, in the order of their turns.
    private var turns: [[UInt8]] = []
    private var nextTurn = 0
    private(set) var count = 0

    private let maximumCount: Int
    private let maximumPerLane: Int

    init(maximumCount: Int, maximumPerLane: Int) {
        self.maximumCount = maximumCount
        self.maximumPerLane = maximumPerLane
    }

    /// - Returns: false when the queue or the lane is full.
    mutating func add(_ element: Element, lane key: [UInt8]) -> Bool {
        guard count < maximumCount, lanes[key]?.count ?? 0 < maximumPerLane else { return false }
        if lanes[key] == nil { turns.append(key) }
        lanes[key, default: Lane()].elements.append(element)
        count += 1
        return true
    }

    mutating func take() -> Element? {
        while let key = takeTurn() {
            // A lane may have been emptied by `remove` since it got its turn.
            let element = lanes[key]?.take()
            if lanes[key]?.count == 0 { lanes[key] = nil } else { turns.append(key) }
            guard let element else { continue }
            count -= 1
            return element
        }
        return nil
    }

    private mutating func takeTurn() -> [UInt8]? {
        guard nextTurn < turns.count else { return nil }
        let key = turns[nextTurn]
        nextTurn += 1
        if nextTurn >= 64, nextTurn * 2 >= turns.count {
            turns.removeFirst(nextTurn)
            nextTurn = 0
        }
        return key
    }

    /// Takes elements of one lane out of their turn.
    /// - Returns: those.
    @discardableResult
    mutating func remove(lane key: [UInt8], where isMeant: (Element) -> Bool) -> [Element] {
        guard var lane = lanes[key] else { return [] }
        let waiting = lane.elements[lane.first...]
        let removed = waiting.filter(isMeant)
        lane.elements = waiting.filter { !isMeant($0) }
        lane.first = 0
        count -= removed.count
        lanes[key] = lane
        return removed
    }

    /// How many are served before an element that is added to this lane now, at most.
    func ahead(lane key: [UInt8]) -> Int {
        min(count, ((lanes[key]?.count ?? 0) + 1) * max(lanes.count, 1))
    }

    mutating func removeAll() {
        (lanes, turns, nextTurn, count) = ([:], [], 0, 0)
    }
}
