import CSystem
import Configuration

/// The bound on the memory of the process.
extension Supervisor {
    /// Between two looks at the memory, in ns.
    static let memoryInterval: Int64 = 500_000_000
    /// Between two attempts to give memory back, in ns: each holds up whoever allocates.
    private static let trimInterval: Int64 = 5_000_000_000

    /// Compares what the process uses with `max_memory`; back under nine tenths of it the broker goes on as before.
    func checkMemory(now: Int64) {
        let limit = running.configuration.broker.limits.maxMemory
        guard limit > 0, let service, now >= nextMemoryCheck else { return }
        nextMemoryCheck = now + Self.memoryInterval
        let bound = isShortOfMemory ? limit / 10 * 9 : limit
        var used = ResidentMemory.bytes()
        if used > bound, now >= nextMemoryTrim {
            nextMemoryTrim = now + Self.trimInterval
            // What was freed is still the process's: without this a broker that was full once would stay full.
            csystem_release_free_memory()
            used = ResidentMemory.bytes()
        }
        let isShort = used > bound
        guard isShort != isShortOfMemory else { return }
        isShortOfMemory = isShort
        service.setShortOfMemory(isShort)
        log.write(isShort ? .memoryShort : .memoryEnough, isShort ? .warn : .info) {
            [.init("used", ByteSize.text(used)), .init("limit", ByteSize.text(limit))]
        }
    }
}
