import Testing

@testable import AuthPlugin

@Suite struct FailureLimiterTests {
    private static let second: Int64 = 1_000_000_000
    private static func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    private static func limiter(allowed: Int = 2) -> FailureLimiter {
        FailureLimiter(
            FailureLimiter.Limits(
                allowed: allowed, firstDelay: second, maximumAddressDelay: 8 * second, maximumUserDelay: 2 * second,
                memory: 100 * second))
    }

    private static func isWaiting(
        _ limiter: FailureLimiter, _ address: String, _ user: String, at now: Int64
    ) -> Bool {
        limiter.permission(address: bytes(address), user: bytes(user), now: now) != .go
    }

    @Test func waitsGrowWithTheFailuresOfAnAddressAndEnd() {
        let limiter = Self.limiter()
        var now: Int64 = 0
        for (failure, wait) in [0, 0, 1, 2, 4, 8, 8, 8].enumerated() {
            #expect(!Self.isWaiting(limiter, "10.0.0.1:1", "", at: now), "failure \(failure)")
            limiter.failed(address: Self.bytes("10.0.0.1:\(failure)"), user: [], now: now)
            if wait > 0 {
                #expect(Self.isWaiting(limiter, "10.0.0.1:99", "somebody", at: now + Int64(wait) * Self.second - 1))
            }
            now += Int64(wait) * Self.second
        }
        #expect(!Self.isWaiting(limiter, "10.0.0.2:1", "", at: now), "others go on")
    }

    @Test func userNameWaitsWhateverTheAddressAndOnlyShortly() {
        let limiter = Self.limiter()
        for number in 0..<20 {
            limiter.failed(address: Self.bytes("10.0.0.\(number):1"), user: Self.bytes("alice"), now: 0)
        }
        #expect(Self.isWaiting(limiter, "11.0.0.1:1", "alice", at: 2 * Self.second - 1))
        #expect(!Self.isWaiting(limiter, "11.0.0.1:1", "alice", at: 2 * Self.second))
        #expect(!Self.isWaiting(limiter, "11.0.0.1:1", "bob", at: 0))
        limiter.succeeded(user: Self.bytes("alice"))
        #expect(!Self.isWaiting(limiter, "11.0.0.1:1", "alice", at: 1))
    }

    @Test func failuresAreForgottenAfterAWhile() {
        let limiter = Self.limiter()
        for _ in 0..<2 { limiter.failed(address: Self.bytes("a"), user: [], now: 0) }
        limiter.failed(address: Self.bytes("a"), user: [], now: 101 * Self.second)
        #expect(!Self.isWaiting(limiter, "a", "", at: 101 * Self.second))
    }

    @Test func aWaitIsToldOnce() {
        let limiter = Self.limiter(allowed: 1)
        for _ in 0..<2 { limiter.failed(address: Self.bytes("a"), user: [], now: 0) }
        #expect(
            limiter.permission(address: Self.bytes("a"), user: [], now: 1)
                == .wait(nanoseconds: Self.second - 1, isFirst: true))
        #expect(
            limiter.permission(address: Self.bytes("a"), user: [], now: 2)
                == .wait(nanoseconds: Self.second - 2, isFirst: false))
    }

    @Test func withoutALimitNobodyWaits() {
        let limiter = Self.limiter(allowed: 0)
        for _ in 0..<100 { limiter.failed(address: Self.bytes("a"), user: Self.bytes("u"), now: 0) }
        #expect(!Self.isWaiting(limiter, "a", "u", at: 0))
    }

    @Test func longNamesAreNotKept() {
        let limiter = Self.limiter()
        let name = String(repeating: "u", count: 60_000)
        for number in 0..<3 {
            limiter.failed(address: Self.bytes("10.0.0.\(number):1"), user: Self.bytes(name), now: 0)
        }
        #expect(Self.isWaiting(limiter, "11.0.0.1:1", name, at: 1))
        #expect(Self.isWaiting(limiter, "11.0.0.1:1", String(name.prefix(256)) + "x", at: 1), "told apart by 256 bytes")
        #expect(!Self.isWaiting(limiter, "11.0.0.1:1", "u", at: 1))
    }

    @Test func booksAreBounded() {
        let limiter = Self.limiter()
        for number in 0..<(FailureLimiter.maximumRecords + 10) {
            limiter.failed(address: Self.bytes("\(number)"), user: [], now: Int64(number))
        }
        for _ in 0..<3 { limiter.failed(address: Self.bytes("last"), user: [], now: 100_000) }
        #expect(Self.isWaiting(limiter, "last", "", at: 100_001))
    }

    @Test(arguments: [
        ("10.0.0.7:51234", "10.0.0.7"), ("[2001:db8:1:2:3:4:5:6]:80", "2001:db8:1:2"), ("[fe80::1]:80", "fe80:"),
        ("[::1]:80", ":"), ("unix", "unix"), ("", ""),
    ])
    func networkIsWhatOnePersonHasManyAddressesOf(address: String, network: String) {
        #expect(String(decoding: FailureLimiter.network(of: Self.bytes(address)), as: UTF8.self) == network)
    }

    @Test func whoWaitsGoesOnWaitingUnderTheNextGeneration() {
        let old = Self.limiter()
        for failure in 0..<1_200 {
            old.failed(address: Self.bytes("10.0.\(failure / 200).\(failure % 200):1"), user: [], now: 0)
        }
        for _ in 0..<3 { old.failed(address: Self.bytes("[2001:db8::1]:1"), user: Self.bytes("alice"), now: 5) }
        let new = Self.limiter()
        let chunks = old.chunks()
        #expect(chunks.count == 2)
        for chunk in chunks { #expect(new.take(chunk)) }
        #expect(new.books.withLock { $0.addresses } == old.books.withLock { $0.addresses })
        #expect(Self.isWaiting(new, "10.9.9.9:1", "alice", at: 6))
        #expect(Self.isWaiting(new, "[2001:db8::1]:9", "", at: 6))
        #expect(!Self.isWaiting(new, "10.9.9.9:1", "bob", at: 6))
        // What came after the first part.
        for _ in 0..<3 { old.failed(address: Self.bytes("10.3.3.3:1"), user: [], now: 10) }
        let delta = old.chunks(since: 10).flatMap { $0 }
        #expect(delta.count < 100 && new.take(delta))
        #expect(Self.isWaiting(new, "10.3.3.3:1", "", at: 11))
        for length in 1..<delta.count { #expect(!Self.limiter().take(Array(delta.prefix(length)))) }
        #expect(!Self.limiter().take([UInt8](repeating: 0xFF, count: 64)))
    }
}
