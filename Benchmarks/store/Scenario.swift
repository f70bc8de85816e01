import Glibc
import PluginABI
import StoreAccess
import Synchronization

/// One kind of traffic, as the rows of the broker make it: a row with the message, a row for its place in a queue.
struct Scenario {
    let name: String
    /// Bytes of a message's value.
    let size: Int
    /// Whether the message is acknowledged, and its rows deleted, some turns after it came.
    let isConsumed: Bool
    /// Messages a second that must be durable; 0: only measured.
    let goal: Double

    static let all = [
        Scenario(name: "offline subscribers, 64 B", size: 64, isConsumed: false, goal: 50_000),
        Scenario(name: "offline subscribers, 256 B", size: 256, isConsumed: false, goal: 50_000),
        Scenario(name: "offline subscribers, 1 KiB", size: 1024, isConsumed: false, goal: 0),
        Scenario(name: "online subscribers, 256 B", size: 256, isConsumed: true, goal: 50_000),
    ]

    /// Messages of one turn of an event loop, and turns under way: 20 publishers with 100 messages in flight each.
    private static let turn = 50
    private static let turnsUnderWay = 40
    private static let queues = 20
    /// Turns between a message and its acknowledgement.
    private static let delay = 4

    private final class Counters: Sendable {
        let underWay = Atomic<Int>(0)
        let answered = Atomic<Int>(0)
        let failed = Atomic<Int>(0)
    }

    /// Measures for `seconds`; false when the goal was missed.
    func run(_ plugin: UnsafePluginFile, _ base: String, _ seconds: Double) throws -> Bool {
        let folder = "\(base)/store-bench-\(getpid())"
        guard mkdir(folder, 0o700) == 0 else { throw StoreError(HL_IO_ERROR, "cannot make \(folder)") }
        defer { Self.remove(folder) }
        let store = try UnsafeStore(plugin, UnsafeStore.Options(folder: folder))
        let counters = Counters()
        let (began, processor) = (Self.now(CLOCK_MONOTONIC), Self.storeTime())
        var turn = 0
        while Self.now(CLOCK_MONOTONIC) - began < seconds {
            while counters.underWay.load(ordering: .acquiring) >= Self.turnsUnderWay { usleep(50) }
            counters.underWay.wrappingAdd(1, ordering: .relaxed)
            try store.submit(changes(turn)) { status in
                if status == HL_OK { counters.answered.wrappingAdd(Self.turn, ordering: .relaxed) }
                if status != HL_OK { counters.failed.wrappingAdd(Self.turn, ordering: .relaxed) }
                counters.underWay.wrappingSubtract(1, ordering: .releasing)
            }
            turn += 1
        }
        guard store.flush() == HL_OK else { throw StoreError(HL_IO_ERROR, "cannot flush") }
        let (wall, used) = (Self.now(CLOCK_MONOTONIC) - began, Self.storeTime() - processor)
        let statistics = store.statistics()
        _ = store.close()
        let count = counters.answered.load(ordering: .relaxed)
        let isFine = Double(count) / wall >= goal && counters.failed.load(ordering: .relaxed) == 0
        report(count, wall, used, statistics, isFine)
        return isFine
    }

    /// The rows of one turn of an event loop.
    private func changes(_ turn: Int) -> [UnsafeStore.Change] {
        var changes: [UnsafeStore.Change] = []
        changes.reserveCapacity(Self.turn * (isConsumed ? 4 : 2))
        let value = [UInt8](repeating: 0x78, count: size)
        for index in 0..<Self.turn {
            let number = UInt64(turn * Self.turn + index)
            changes.append(.new(Self.messageKey(number), value))
            changes.append(.new(Self.queueKey(number), Array(value.prefix(24))))
            guard isConsumed, turn >= Self.delay else { continue }
            let old = number - UInt64(Self.delay * Self.turn)
            changes.append(.delete(Self.queueKey(old)))
            changes.append(.delete(Self.messageKey(old)))
        }
        return changes
    }

    private static func messageKey(_ number: UInt64) -> [UInt8] { [0x4d] + bytes(number) }

    private static func queueKey(_ number: UInt64) -> [UInt8] {
        Array("Qclient-number-\(number % UInt64(queues))".utf8) + [0] + bytes(number)
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        (0..<8).map { UInt8(truncatingIfNeeded: number >> (56 - 8 * UInt64($0))) }
    }

    private func report(
        _ count: Int, _ wall: Double, _ used: Double, _ statistics: hl_store_statistics, _ isFine: Bool
    ) {
        let rate = Int(Double(count) / wall)
        let commit = Double(statistics.commit_ns) / Double(max(statistics.commits, 1)) / 1e6
        let group = Double(count) / Double(max(statistics.commits, 1))
        let cost = used / Double(max(count, 1)) * 1e6
        let verdict = goal == 0 ? "" : (isFine ? "  pass" : "  FAIL: the goal is \(Int(goal))/s")
        print(
            "\(name): \(rate) messages/s durable, \(Self.round(cost)) us of CPU each in the store, groups of "
                + "\(Int(group)), commit \(Self.round(commit)) ms on average, "
                + "\(Self.round(Double(statistics.max_commit_ns) / 1e6)) ms at most\(verdict)")
    }

    private static func round(_ number: Double) -> Double { (number * 100).rounded() / 100 }

    private static func now(_ clock: clockid_t) -> Double {
        var time = timespec()
        clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }

    /// CPU seconds of all threads but this one.
    private static func storeTime() -> Double { now(CLOCK_PROCESS_CPUTIME_ID) - now(CLOCK_THREAD_CPUTIME_ID) }

    private static func remove(_ folder: String) {
        guard let directory = opendir(folder) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != "." && name != ".." { unlink("\(folder)/\(name)") }
        }
        closedir(directory)
        rmdir(folder)
    }
}
