// HOT PATH: one `wait` per turn; the other calls only when a stream comes, goes, or its socket is full.

internal import CSystem
import Glibc

/// An epoll instance; its events name what they are about by a 64-bit token.
struct Epoll {
    static let readable = EPOLLIN.rawValue
    static let writable = EPOLLOUT.rawValue
    static let peerHungUp = EPOLLRDHUP.rawValue
    static let broken = EPOLLERR.rawValue | EPOLLHUP.rawValue
    /// Of several loops that wait for one descriptor, one is woken.
    static let exclusive = EPOLLEXCLUSIVE.rawValue
    static let edgeTriggered = EPOLLET.rawValue

    static let eventCapacity = 512

    private let descriptor: Int32
    private let events: UnsafeMutablePointer<epoll_event>

    init() throws(SystemError) {
        descriptor = epoll_create1(Int32(EPOLL_CLOEXEC))
        guard descriptor >= 0 else { throw .last("epoll_create1") }
        events = .allocate(capacity: Self.eventCapacity)
        events.initialize(repeating: epoll_event(), count: Self.eventCapacity)
    }

    func destroy() {
        _ = close(descriptor)
        events.deallocate()
    }

    /// Answers 0 or an errno: ENOSPC or ENOMEM, as everything else is excluded by construction.
    func add(_ descriptor: Int32, _ interest: UInt32, token: UInt64) -> Int32 {
        control(EPOLL_CTL_ADD, descriptor, interest, token)
    }

    func modify(_ descriptor: Int32, _ interest: UInt32, token: UInt64) {
        _ = control(EPOLL_CTL_MOD, descriptor, interest, token)
    }

    func remove(_ descriptor: Int32) {
        _ = control(EPOLL_CTL_DEL, descriptor, 0, 0)
    }

    /// Answers the number of events; 0 at the time-out and when a signal interrupts.
    @inline(__always)
    func wait(milliseconds: Int32) -> Int {
        Int(max(0, epoll_wait(descriptor, events, Int32(Self.eventCapacity), milliseconds)))
    }

    @inline(__always)
    func event(at position: Int) -> (token: UInt64, events: UInt32) {
        (events[position].data.u64, events[position].events)
    }

    private func control(_ operation: Int32, _ target: Int32, _ interest: UInt32, _ token: UInt64) -> Int32 {
        var event = epoll_event()
        event.events = interest
        event.data.u64 = token
        return epoll_ctl(descriptor, operation, target, &event) == 0 ? 0 : errno
    }
}
