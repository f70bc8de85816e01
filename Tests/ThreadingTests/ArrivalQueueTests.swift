import Testing

@testable import Threading

/// First in, first out.
@Suite struct ArrivalQueueTests {
    @Test("Elements come in the order of their arrival, however adding and taking alternate")
    func order() {
        var queue = ArrivalQueue<Int>()
        var (added, taken) = (0, 0)
        for round in 1...200 {
            for _ in 0..<round % 7 {
                queue.add(added)
                added += 1
            }
            for _ in 0..<round % 5 {
                guard let element = queue.take() else { break }
                #expect(element == taken)
                taken += 1
            }
            #expect(queue.count == added - taken)
        }
        while let element = queue.take() {
            #expect(element == taken)
            taken += 1
        }
        #expect(taken == added && queue.isEmpty)
    }

    @Test("At the bound an element is refused, and there is room again when one was taken")
    func bound() {
        var queue = ArrivalQueue<Int>(bound: 2)
        #expect(queue.add(1) && queue.add(2) && !queue.add(3))
        #expect(queue.take() == 1 && queue.add(4))
        #expect(queue.take() == 2 && queue.take() == 4 && queue.take() == nil)
    }

    @Test("What is taken out of its turn is gone, the others keep their order")
    func removal() {
        var queue = ArrivalQueue<Int>()
        for number in 0..<10 { queue.add(number) }
        _ = queue.take()
        #expect(queue.remove { $0 % 3 == 0 } == [3, 6, 9])
        #expect(queue.count == 6 && queue.take() == 1 && queue.take() == 2 && queue.take() == 4)
    }

    @Test("What was taken is let go at once")
    func release() {
        final class Kept {}
        var queue = ArrivalQueue<Kept>()
        weak var taken: Kept?
        do {
            let element = Kept()
            taken = element
            queue.add(element)
        }
        queue.add(Kept())
        _ = queue.take()
        #expect(taken == nil)
    }
}
