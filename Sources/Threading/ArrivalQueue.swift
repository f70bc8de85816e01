/// What waits for its turn, first in, first out. Adding and taking cost the same however much waits; what was taken is
/// let go at once. For one thread at a time.
public struct ArrivalQueue<Element> {
    /// Nil: taken.
    private var elements: [Element?] = []
    /// Index of the first one that waits.
    private var first = 0
    /// Most elements that wait.
    public let bound: Int

    /// An empty queue.
    /// - Parameter bound: most elements that wait; more are refused.
    public init(bound: Int = .max) { self.bound = bound }

    /// Elements that wait.
    public var count: Int { elements.count - first }
    /// Nothing waits.
    public var isEmpty: Bool { count == 0 }

    /// Puts an element behind all others; false: the queue is full.
    @discardableResult
    public mutating func add(_ element: Element) -> Bool {
        guard count < bound else { return false }
        elements.append(element)
        return true
    }

    /// Takes the first one.
    public mutating func take() -> Element? {
        guard first < elements.count else { return nil }
        let element = elements[first].take()
        first += 1
        // Moving what waits costs less than what was taken since the last time.
        if first >= 64, first * 2 >= elements.count {
            elements.removeFirst(first)
            first = 0
        }
        return element
    }

    /// Takes elements out of their turn; they come in their order.
    public mutating func remove(where isMeant: (Element) -> Bool) -> [Element] {
        let waiting = elements[first...].compactMap { $0 }
        elements = waiting.filter { !isMeant($0) }
        first = 0
        return waiting.filter(isMeant)
    }
}

extension ArrivalQueue: Sendable where Element: Sendable {}
