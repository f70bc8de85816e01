import Testing
import Timing

/// SplitMix64: a printed seed replays a failure.
private struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// What a timer wheel has to do, done the slow way: a list sorted by deadline and order of scheduling.
private struct SortedTimers {
    struct Timer {
        var deadline: Int64
        var order: Int
        var id: TimerID
        var payload: UInt64
    }
    var timers: [Timer] = []
    var order = 0

    mutating func insert(_ id: TimerID, payload: UInt64, at deadline: Int64) {
        order += 1
        let timer = Timer(deadline: deadline, order: order, id: id, payload: payload)
        var (low, high) = (0, timers.count)
        while low < high {
            let middle = (low + high) / 2
            if timers[middle].deadline <= deadline { low = middle + 1 } else { high = middle }
        }
        timers.insert(timer, at: low)
    }

    mutating func remove(_ id: TimerID) -> Timer? {
        guard let position = timers.firstIndex(where: { $0.id == id }) else { return nil }
        return timers.remove(at: position)
    }

    mutating func popDue(at time: Int64) -> Timer? {
        guard let first = timers.first, first.deadline <= time else { return nil }
        return timers.removeFirst()
    }
}

private struct WheelAgainstModel {
    let wheel = TimerWheel()
    var model = SortedTimers()
    var random: SeededGenerator
    var payload: UInt64 = 0
    var ids: [TimerID] = []

    mutating func distance() -> Int64 {
        Int64(random.next(upperBound: UInt64(1) << UInt64.random(in: 1...50, using: &random)))
    }

    mutating func schedule(at deadline: Int64) {
        payload += 1
        let id = wheel.schedule(at: deadline, kind: UInt8(truncatingIfNeeded: payload), payload: payload)
        model.insert(id, payload: payload, at: deadline)
        ids.append(id)
    }

    mutating func anyID() -> TimerID? {
        // Stale ids stay in the list on purpose.
        guard let id = ids.randomElement(using: &random) else { return nil }
        if ids.count > 400 { ids.removeFirst(200) }
        return id
    }

    mutating func fire(_ kind: UInt8, _ firedPayload: UInt64, _ id: TimerID, at time: Int64) -> Bool {
        guard let expected = model.popDue(at: time), expected.payload == firedPayload, expected.id == id,
            kind == UInt8(truncatingIfNeeded: firedPayload)
        else { return false }
        switch random.next() % 16 {
        case 0: schedule(at: time - min(distance(), time))
        case 1: schedule(at: time + distance())
        case 2: return cancelAny()
        default: break
        }
        return true
    }

    mutating func cancelAny() -> Bool {
        guard let id = anyID() else { return true }
        return wheel.cancel(id) == (model.remove(id) != nil)
    }

    mutating func rescheduleAny() -> Bool {
        guard let id = anyID() else { return true }
        let deadline = wheel.now + distance()
        let timer = model.remove(id)
        if let timer { model.insert(id, payload: timer.payload, at: deadline) }
        return wheel.reschedule(id, at: deadline) == (timer != nil)
    }

    mutating func step() -> Bool {
        var agrees = true
        switch random.next() % 10 {
        case 0...4: if wheel.count < 2000 { schedule(at: wheel.now + distance()) }
        case 5: agrees = cancelAny()
        case 6: agrees = rescheduleAny()
        default:
            let jump = random.next() % 200 == 0 ? distance() : distance() >> 20
            let time = wheel.now + jump
            wheel.advance(to: time) { kind, payload, id in
                if !fire(kind, payload, id, at: time) { agrees = false }
            }
            if let first = model.timers.first, first.deadline <= time { agrees = false }
        }
        if let next = wheel.nextDeadline, let first = model.timers.first, next > first.deadline { agrees = false }
        return agrees && wheel.count == model.timers.count
    }
}

@Test(arguments: [1, 20_250_917, UInt64.random(in: .min ... .max)])
func `the wheel agrees with a sorted list over 100,000 operations`(seed: UInt64) {
    var run = WheelAgainstModel(random: SeededGenerator(state: seed))
    for operation in 0..<100_000 where !run.step() {
        Issue.record("seed \(seed): the wheel and the sorted list disagree at operation \(operation)")
        return
    }
}
