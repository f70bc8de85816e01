import Glibc

/// Names the seeds that were running when the process traps: a crash of the core is a failing seed too, and must be
/// replayed like any other.
enum CrashedSeeds {
    /// Seed of each piece, 0 when it runs none. Never freed; written by one thread each, read by the signal handler.
    nonisolated(unsafe) private static let running: UnsafeMutablePointer<UInt64> = {
        let slots = UnsafeMutablePointer<UInt64>.allocate(capacity: capacity)
        slots.initialize(repeating: 0, count: capacity)
        for number in [SIGILL, SIGTRAP, SIGSEGV, SIGBUS, SIGABRT, SIGFPE] {
            signal(number) { received in
                CrashedSeeds.report()
                signal(received, SIG_DFL)
                raise(received)
            }
        }
        return slots
    }()
    private static let capacity = 64

    static func begin(_ seed: UInt64, piece: Int) { running[piece % capacity] = seed }

    static func end(piece: Int) { running[piece % capacity] = 0 }

    /// Only what a signal handler may do: no allocation, no lock.
    private static func report() {
        for slot in 0..<capacity where running[slot] != 0 {
            write("crashed while this seed ran: make simulate SEED=")
            write(running[slot])
            write("\n")
        }
    }

    private static func write(_ text: StaticString) { _ = Glibc.write(2, text.utf8Start, text.utf8CodeUnitCount) }

    private static func write(_ number: UInt64) {
        var divisor: UInt64 = 1
        while number / divisor >= 10 { divisor *= 10 }
        while divisor > 0 {
            var digit = UInt8(48 + number / divisor % 10)
            _ = Glibc.write(2, &digit, 1)
            divisor /= 10
        }
    }
}
