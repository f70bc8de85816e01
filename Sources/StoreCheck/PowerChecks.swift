import Glibc
import PluginABI
import StoreAccess

/// Cuts the power of a workload at its first flush, then at its second, and so on to the last.
struct PowerChecks {
    /// Batches of a workload.
    static let batches: UInt64 = 40
    /// More flushes than this in one workload are not looked at.
    private static let maximumPoints = 2000

    private let check: StoreCheck
    private let seed: UInt64

    init(_ check: StoreCheck, _ seed: UInt64) { (self.check, self.seed) = (check, seed) }

    /// The policy of a seed, for people.
    static func policy(_ seed: UInt64) -> (value: UInt32, name: String) {
        switch seed % 3 {
        case 1: (HL_STORE_SYNC_ALWAYS, "always")
        case 2: (HL_STORE_SYNC_INTERVAL, "interval")
        default: (HL_STORE_SYNC_NEVER, "never")
        }
    }

    /// How many rules were broken.
    func run() throws -> Int {
        var broken = 0
        var point = 1
        while point <= Self.maximumPoints {
            let (ended, problem) = try cut(at: point)
            if let problem {
                broken += 1
                check.print("BROKEN: seed \(seed), power lost at flush \(point): \(problem)")
            }
            if ended { break }
            point += 1
        }
        for bytes in [8, 80, 240] {
            guard let problem = try killed(after: bytes) else { continue }
            broken += 1
            check.print("BROKEN: seed \(seed), killed after \(bytes / 8) answers: \(problem)")
        }
        let name = Self.policy(seed).name
        check.print(
            "\(broken == 0 ? "holds" : "BROKEN"): seed \(seed) (sync: \(name)): power lost at each of \(point - 1) "
                + "flushes, and killed")
        return broken
    }

    /// Ended: the workload was done before that flush came.
    private func cut(at point: Int) throws -> (ended: Bool, problem: String?) {
        let folder = try check.makeFolder("power-\(seed)-\(point)")
        defer { StoreCheck.remove(folder) }
        let random = seed &* 1000 &+ UInt64(point)
        let writer = try check.child(
            "write", folder, ["--seed", "\(seed)"], environment: check.power(folder, sync: point, seed: random))
        switch writer.end {
        case .signal(SIGKILL): break
        case .exit(0): return (true, try look(folder, answered: Self.batches))
        default: return (true, "the writing process ended with \(writer.end): \(writer.text)")
        }
        let (answered, problem) = answers(writer.output)
        if let problem { return (false, problem) }
        // What was not flushed may be lost; what was answered before it was flushed, too.
        let isDurable = Self.policy(seed).value == HL_STORE_SYNC_ALWAYS
        return (false, try look(folder, answered: isDurable ? answered : 0))
    }

    /// The process dies, the machine does not: everything that was answered is there, whatever the policy is.
    private func killed(after bytes: Int) throws -> String? {
        let folder = try check.makeFolder("kill-\(seed)-\(bytes)")
        defer { StoreCheck.remove(folder) }
        let writer = try check.child("write", folder, ["--seed", "\(seed)"], killAfter: bytes)
        let (answered, problem) = answers(writer.output)
        return try problem ?? look(folder, answered: answered)
    }

    /// The number of the last batch that was answered; they must come in their order.
    private func answers(_ output: [UInt8]) -> (UInt64, String?) {
        var last: UInt64 = 0
        for start in stride(from: 0, through: output.count - 8, by: 8) {
            let number = Workload.number(Array(output[start..<(start + 8)]))
            guard number == last + 1 else { return (last, "after batch \(last) batch \(number) was answered") }
            last = number
        }
        return (last, nil)
    }

    private func look(_ folder: String, answered: UInt64) throws -> String? {
        let reader = try check.child("look", folder, ["--seed", "\(seed)", "--index", "\(answered)"])
        switch reader.end {
        case .exit(0): return nil
        case .exit: return reader.text
        case .signal(let number): return "opening it again ended the process by signal \(number)"
        }
    }
}

/// The two processes of a cut.
struct PowerParts {
    private let plugin: UnsafePluginFile
    private let part: StoreCheck.Part

    init(_ plugin: UnsafePluginFile, _ part: StoreCheck.Part) { (self.plugin, self.part) = (plugin, part) }

    private func open() throws(StoreError) -> UnsafeStore {
        var options = UnsafeStore.Options(folder: part.folder)
        options.sync = PowerChecks.policy(part.seed).value
        options.interval = .milliseconds(1)
        return try UnsafeStore(plugin, options)
    }

    /// Submits the workload and writes the number of each batch that was answered.
    func write() throws {
        let store = try open()
        var workload = Workload(seed: part.seed)
        for number in 1...PowerChecks.batches {
            let batch = workload.next()
            let answer = StoreAnswer()
            try store.submit(batch.changes, lane: batch.lane) { status in
                let bytes = status == HL_OK ? Workload.bytes(number) : [UInt8](repeating: 255, count: 8)
                _ = Glibc.write(STDOUT_FILENO, bytes, bytes.count)
                answer.give(status)
            }
            // Groups of all sizes, and flushes while others wait.
            if number % 7 != 0 && (number + part.seed) % 3 == 0 { _ = answer.wait() }
        }
        guard store.close() == HL_OK else { throw BrokenRule(words: "close failed: \(store.reports)") }
    }

    /// What is there must be what some beginning of the workload leaves, with everything that was answered.
    func look() throws {
        let store = try open()
        defer { _ = store.close() }
        let view = try store.snapshot()
        let count = Workload.number(try view.get(Workload.counter) ?? [])
        let found = try view.pairs()
        view.end()
        try expect(count <= PowerChecks.batches, "it says that \(count) batches are there")
        try expect(count >= UInt64(part.index), "batch \(part.index) was answered, and \(count) batches are there")
        let wanted = StoreModel(seed: part.seed, count: count).sorted
        try expect(
            found.count == wanted.count, "with \(count) batches it holds \(found.count) pairs, not \(wanted.count)")
        for (left, right) in zip(found, wanted) where left != right {
            throw BrokenRule(words: "with \(count) batches key \(left.key.prefix(16)) is not as it should be")
        }
        try expect(store.verify() == HL_OK, "verify finds damage: \(store.reports)")
        // It goes on.
        let status = try store.commit([.put([1], [1]), .put(Workload.counter, Workload.bytes(count))])
        try expect(status == HL_OK, "a batch after that is answered \(StoreError.name(of: status))")
    }
}
