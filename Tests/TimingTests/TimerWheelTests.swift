import Testing
@testable import Timing

private let millisecond: Int64 = 1_000_000
private let day: Int64 = 86_400 * 1000 * millisecond

/// Advances and answers the payloads that fired, in order.
private func fired(_ wheel: TimerWheel, to time: Int64) -> [UInt64] {
    var payloads: [UInt64] = []
    wheel.advance(to: time) { _, payload, _ in payloads.append(payload) }
    return payloads
}

@Test func `a timer fires at its deadline to the nanosecond, never before`() {
    for deadline in [1, 17, millisecond, millisecond * 3 / 2, 70 * millisecond, 5 * day, 400 * day + 123] {
        let wheel = TimerWheel()
        _ = wheel.schedule(at: deadline, kind: 3, payload: 9)
        #expect(fired(wheel, to: deadline - 1) == [])
        #expect(wheel.count == 1)
        #expect(fired(wheel, to: deadline) == [9])
        #expect(wheel.count == 0)
        #expect(wheel.nextDeadline == nil)
    }
}

@Test func `kind, payload and id come back`() {
    let wheel = TimerWheel(now: 500)
    let id = wheel.schedule(at: 1000, kind: 200, payload: .max)
    var seen = 0
    wheel.advance(to: 2000) { kind, payload, firedID in
        seen += 1
        #expect(kind == 200 && payload == .max && firedID == id)
        #expect(!wheel.cancel(firedID), "the id of a timer that fires is stale")
    }
    #expect(seen == 1)
}

@Test func `timers fire by deadline, equal deadlines in the order of scheduling`() {
    let wheel = TimerWheel()
    // The first of the two equal deadlines starts on a high level and cascades; the second is filed directly.
    _ = wheel.schedule(at: day, kind: 0, payload: 1)
    _ = wheel.schedule(at: day - 1, kind: 0, payload: 0)
    #expect(fired(wheel, to: day - 10) == [])
    _ = wheel.schedule(at: day, kind: 0, payload: 2)
    _ = wheel.schedule(at: day + 1, kind: 0, payload: 3)
    #expect(fired(wheel, to: day + 1) == [0, 1, 2, 3])
}

@Test func `a cancelled timer does not fire and its id stays stale when the entry is used again`() {
    let wheel = TimerWheel()
    let first = wheel.schedule(at: 10, kind: 0, payload: 1)
    #expect(wheel.cancel(first))
    #expect(!wheel.cancel(first))
    let second = wheel.schedule(at: 10, kind: 0, payload: 2)
    #expect(second.rawValue & 0xFFFF_FFFF == first.rawValue & 0xFFFF_FFFF, "the entry is used again")
    #expect(!wheel.cancel(first))
    #expect(!wheel.reschedule(first, at: 5))
    #expect(!wheel.cancel(.none))
    #expect(!wheel.cancel(TimerID(rawValue: .max)))
    #expect(fired(wheel, to: 10) == [2])
}

@Test func `reschedule keeps the id and counts as scheduled now`() {
    let wheel = TimerWheel()
    let moved = wheel.schedule(at: 10, kind: 0, payload: 1)
    _ = wheel.schedule(at: 7 * day, kind: 0, payload: 2)
    #expect(wheel.reschedule(moved, at: 7 * day))
    #expect(fired(wheel, to: 6 * day) == [])
    #expect(wheel.reschedule(moved, at: 7 * day))
    #expect(fired(wheel, to: 7 * day) == [2, 1])
}

@Test func `what a firing timer schedules for now or before fires in the same advance, in order`() {
    let wheel = TimerWheel()
    var order: [UInt64] = []
    _ = wheel.schedule(at: 10 * millisecond, kind: 0, payload: 1)
    _ = wheel.schedule(at: 30 * millisecond, kind: 0, payload: 4)
    let cancelled = wheel.schedule(at: 35 * millisecond, kind: 0, payload: 99)
    wheel.advance(to: 40 * millisecond) { _, payload, _ in
        order.append(payload)
        guard payload == 1 else { return }
        _ = wheel.schedule(at: 40 * millisecond, kind: 0, payload: 5)
        _ = wheel.schedule(at: 20 * millisecond, kind: 0, payload: 3)
        _ = wheel.schedule(at: 0, kind: 0, payload: 2)
        _ = wheel.schedule(at: 40 * millisecond + 1, kind: 0, payload: 6)
        #expect(wheel.cancel(cancelled))
    }
    #expect(order == [1, 2, 3, 4, 5])
    #expect(fired(wheel, to: 40 * millisecond + 1) == [6])
}

@Test func `a timer that re-arms itself fires once per period through a jump of a day`() {
    let wheel = TimerWheel()
    let period = 60 * 1000 * millisecond
    var count: Int64 = 0
    _ = wheel.schedule(at: period, kind: 0, payload: 0)
    wheel.advance(to: day) { _, _, _ in
        count += 1
        _ = wheel.schedule(at: (count + 1) * period, kind: 0, payload: 0)
    }
    #expect(count == day / period)
}

@Test func `an overdue timer fires in the next advance, also when time stands still`() {
    let wheel = TimerWheel(now: day)
    _ = wheel.schedule(at: 5, kind: 0, payload: 1)
    _ = wheel.schedule(at: -5, kind: 0, payload: 0)
    #expect((wheel.nextDeadline ?? .max) <= day)
    #expect(fired(wheel, to: day) == [0, 1])
}

@Test func `time that moves backwards counts as now`() {
    let wheel = TimerWheel(now: day)
    _ = wheel.schedule(at: day + 1, kind: 0, payload: 1)
    #expect(fired(wheel, to: 0) == [])
    #expect(wheel.now == day)
    #expect(fired(wheel, to: day + 1) == [1])
}

@Test func `following nextDeadline reaches a timer in at most nine steps and never passes it`() throws {
    let deadline = 300 * day + 17
    let wheel = TimerWheel()
    _ = wheel.schedule(at: deadline, kind: 0, payload: 1)
    _ = wheel.cancel(wheel.schedule(at: 3 * millisecond, kind: 0, payload: 2))
    var steps = 0
    while let next = wheel.nextDeadline {
        #expect(next <= deadline)
        #expect(next > wheel.now || steps == 0, "a bound that does not move would spin")
        wheel.advance(to: next) { _, payload, _ in #expect(payload == 1) }
        steps += 1
    }
    #expect(wheel.now == deadline)
    #expect(steps <= 10)
}

@Test func `the latest deadline of all can be scheduled and reached`() {
    let wheel = TimerWheel()
    _ = wheel.schedule(at: .max, kind: 0, payload: 1)
    #expect(fired(wheel, to: .max - 1) == [])
    #expect(fired(wheel, to: .max) == [1])
}

@Test func `a hundred thousand timers of one instant fire in order`() {
    let wheel = TimerWheel()
    for payload in 0..<100_000 as Range<UInt64> {
        _ = wheel.schedule(at: day - Int64(payload % 7), kind: 0, payload: payload)
    }
    let order = fired(wheel, to: day)
    let expected = (0..<100_000 as Range<UInt64>).sorted { ($0 % 7, $1) > ($1 % 7, $0) }
    #expect(order == expected)
}

@Test func `a timer occupies at most 40 bytes`() {
    #expect(MemoryLayout<TimerEntry>.stride <= 40)
}
