internal import Locking

/// Makes whoever fails to log in wait, longer with each failure: an address because it tries many, a user name because
/// many try it. While somebody waits, attempts are refused without looking at the password, which costs nothing.
///
/// A user name waits a short time only, or anybody could lock its owner out.
final class FailureLimiter: Sendable {
    struct Limits: Sendable {
        /// Failures before anybody waits; 0: nobody ever does.
        var allowed = 10
        /// Nanoseconds of the first wait; it doubles with each further failure.
        var firstDelay: Int64 = 1_000_000_000
        /// Nanoseconds; longest wait of an address.
        var maximumAddressDelay: Int64 = 300_000_000_000
        /// Nanoseconds; longest wait of a user name.
        var maximumUserDelay: Int64 = 10_000_000_000
        /// Nanoseconds without a failure after which those before are forgotten.
        var memory: Int64 = 900_000_000_000
    }

    struct Record: Equatable {
        var failures = 0
        var blockedUntil: Int64 = .min
        var last: Int64
        /// The wait has been written to the log.
        var isTold = false
    }

    struct Books {
        var addresses: [[UInt8]: Record] = [:]
        var users: [[UInt8]: Record] = [:]
    }

    /// What an attempt may do.
    enum Permission: Equatable {
        case go
        /// Refused. `isFirst`: nobody has told the log of this wait yet.
        case wait(nanoseconds: Int64, isFirst: Bool)
    }

    /// Entries per book; the oldest ones are forgotten beyond it.
    static let maximumRecords = 65_536

    private let limits: Limits
    let books = Locked(Books())

    init(_ limits: Limits) {
        self.limits = limits
    }

    /// May this attempt be looked at? Any thread.
    /// - Parameters:
    ///   - address: as the host shows it, with its port.
    ///   - now: monotonic nanoseconds.
    ///   - tells: the caller writes a wait that nobody has told of to the log.
    func permission(address: [UInt8], user: [UInt8], now: Int64, tells: Bool = true) -> Permission {
        guard limits.allowed > 0 else { return .go }
        let key = Self.network(of: address)
        let user = Self.key(of: user)
        return books.withLock { books in
            let addressWait = Self.wait(&books.addresses, key, now, tells)
            let userWait = user.isEmpty ? .go : Self.wait(&books.users, user, now, tells)
            return addressWait == .go ? userWait : addressWait
        }
    }

    /// Any thread.
    func failed(address: [UInt8], user: [UInt8], now: Int64) {
        guard limits.allowed > 0 else { return }
        let key = Self.network(of: address)
        let user = Self.key(of: user)
        books.withLock { books in
            note(&books.addresses, key, now, limits.maximumAddressDelay)
            if !user.isEmpty { note(&books.users, user, now, limits.maximumUserDelay) }
        }
    }

    /// Any thread. What the address has failed at others stays: somebody who knows one password may still be trying
    /// more.
    func succeeded(user: [UInt8]) {
        guard limits.allowed > 0 else { return }
        books.withLock { _ = $0.users.removeValue(forKey: Self.key(of: user)) }
    }

    /// Bytes of a user name that are looked at: the book is bounded in records, and names may have 65,535.
    static let maximumUserBytes = 256

    private static func key(of user: [UInt8]) -> [UInt8] {
        user.count <= maximumUserBytes ? user : Array(user.prefix(maximumUserBytes))
    }

    private static func wait(_ book: inout [[UInt8]: Record], _ key: [UInt8], _ now: Int64, _ tells: Bool) -> Permission
    {
        guard let index = book.index(forKey: key), book.values[index].blockedUntil > now else { return .go }
        let isFirst = !book.values[index].isTold
        if tells { book.values[index].isTold = true }
        return .wait(nanoseconds: book.values[index].blockedUntil - now, isFirst: isFirst)
    }

    private func note(_ book: inout [[UInt8]: Record], _ key: [UInt8], _ now: Int64, _ maximum: Int64) {
        var record = book[key] ?? Record(last: now)
        if now - record.last > limits.memory { record = Record(last: now) }
        if book[key] == nil, book.count >= Self.maximumRecords { forgetOldest(&book, now) }
        record.failures = min(record.failures + 1, 1_000)
        record.last = now
        if record.failures > limits.allowed {
            let doublings = min(record.failures - limits.allowed - 1, 40)
            let (delay, overflows) = limits.firstDelay.multipliedReportingOverflow(by: 1 << Int64(doublings))
            record.blockedUntil = now + (overflows ? maximum : min(delay, maximum))
            record.isTold = false
        }
        book[key] = record
    }

    /// Makes room: what is forgotten anyway, else the older half.
    private func forgetOldest(_ book: inout [[UInt8]: Record], _ now: Int64) {
        book = book.filter { now - $0.value.last <= limits.memory }
        guard book.count >= Self.maximumRecords else { return }
        let times = book.values.map(\.last).sorted()
        let middle = times[times.count / 2]
        book = book.filter { $0.value.last > middle }
    }

    /// The part of an address that one person has many of: "10.0.0.7" of "10.0.0.7:51234", and the first 64 bits of an
    /// IPv6 address (the broker writes them in their short form, so one network has one text).
    static func network(of address: [UInt8]) -> [UInt8] {
        guard address.first == UInt8(ascii: "[") else {
            return Array(address.prefix { $0 != UInt8(ascii: ":") })
        }
        var groups = 0
        var kept: [UInt8] = []
        for byte in address.dropFirst() {
            if byte == UInt8(ascii: "]") { break }
            if byte == UInt8(ascii: ":") {
                groups += 1
                if groups == 4 || kept.last == UInt8(ascii: ":") { break }
            }
            kept.append(byte)
        }
        return kept
    }
}
