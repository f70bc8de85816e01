import CSystem
import Glibc

/// reactor/1: one thread that waits for descriptors of plugins, workers that run. A descriptor that was ready is not
/// looked at again before its function has returned.
///
/// @unchecked Sendable: the descriptors are set in `init`; the rest is behind the monitor.
final class DescriptorReactor: @unchecked Sendable {
    /// What a descriptor is ready for; the bits of `HL_FD_*`.
    typealias Body = @Sendable (UInt32) -> Void

    private struct Entry {
        let group: WorkGroup
        let descriptor: Int32
        var events: UInt32
        var isBusy = false
        let body: Body
    }

    private struct State {
        var entries: [UInt64: Entry] = [:]
        var nextID: UInt64 = 1
        var thread: pthread_t?
        var isStopped = false
    }

    private let state = Monitor(State())
    private let pool: WorkerPool
    private let poll = epoll_create1(Int32(EPOLL_CLOEXEC))
    private let wakeUp = eventfd(0, Int32(EFD_CLOEXEC | EFD_NONBLOCK))
    private static let wakeUpID: UInt64 = 0

    private static let read: UInt32 = 1
    private static let write: UInt32 = 2
    private static let error: UInt32 = 4

    init(pool: WorkerPool) { self.pool = pool }

    deinit {
        for descriptor in [poll, wakeUp] where descriptor >= 0 { close(descriptor) }
    }

    /// Waits for a descriptor; nil when the system does not.
    func add(_ group: WorkGroup, _ descriptor: Int32, events: UInt32, _ body: @escaping Body) -> UInt64? {
        state.withLock { state in
            guard startThread(&state) else { return nil }
            let id = state.nextID
            guard control(EPOLL_CTL_ADD, descriptor, id, events) else { return nil }
            state.nextID += 1
            state.entries[id] = Entry(group: group, descriptor: descriptor, events: events, body: body)
            return id
        }
    }

    /// Waits for something else; false when it is not there.
    func update(_ id: UInt64, events: UInt32, of group: WorkGroup) -> Bool {
        state.withLock { state in
            guard var entry = state.entries[id], entry.group === group else { return false }
            entry.events = events
            state.entries[id] = entry
            return entry.isBusy || control(EPOLL_CTL_MOD, entry.descriptor, id, events)
        }
    }

    /// Waits no longer; false when it is not there.
    func remove(_ id: UInt64, of group: WorkGroup) -> Bool {
        state.withLock { state in
            guard let entry = state.entries[id], entry.group === group else { return false }
            state.entries[id] = nil
            // It may be closed already, against the rules.
            _ = control(EPOLL_CTL_DEL, entry.descriptor, id, 0)
            return true
        }
    }

    /// Descriptors of a group.
    func count(of group: WorkGroup) -> Int { state.read { $0.entries.values.count { $0.group === group } } }

    /// Ends everything of a group.
    func removeAll(of group: WorkGroup) {
        let ids = state.read { state in state.entries.filter { $0.value.group === group }.map(\.key) }
        for id in ids { _ = remove(id, of: group) }
    }

    /// Ends the thread.
    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            defer { state.thread = nil }
            return state.thread
        }
        guard let thread else { return }
        var one: UInt64 = 1
        _ = Glibc.write(wakeUp, &one, 8)
        pthread_join(thread, nil)
    }

    private func startThread(_ state: inout State) -> Bool {
        if state.thread != nil { return true }
        guard !state.isStopped, poll >= 0, wakeUp >= 0 else { return false }
        var event = epoll_event(events: UInt32(EPOLLIN.rawValue), data: epoll_data_t(u64: Self.wakeUpID))
        guard epoll_ctl(poll, EPOLL_CTL_ADD, wakeUp, &event) == 0 else { return false }
        state.thread = HostThread.start("hl-reactor") { [self] in run() }
        return state.thread != nil
    }

    private func control(_ operation: Int32, _ descriptor: Int32, _ id: UInt64, _ events: UInt32) -> Bool {
        var wanted = EPOLLONESHOT.rawValue
        if events & Self.read != 0 { wanted |= EPOLLIN.rawValue }
        if events & Self.write != 0 { wanted |= EPOLLOUT.rawValue }
        var event = epoll_event(events: wanted, data: epoll_data_t(u64: id))
        return epoll_ctl(poll, operation, descriptor, &event) == 0
    }

    private func run() {
        var events = [epoll_event](repeating: epoll_event(), count: 64)
        while !state.read({ $0.isStopped }) {
            let count = epoll_wait(poll, &events, Int32(events.count), -1)
            for event in events.prefix(max(0, Int(count))) where event.data.u64 != Self.wakeUpID {
                isReady(event.data.u64, event.events)
            }
        }
    }

    private func isReady(_ id: UInt64, _ events: UInt32) {
        var ready: UInt32 = 0
        if events & EPOLLIN.rawValue != 0 { ready |= Self.read }
        if events & EPOLLOUT.rawValue != 0 { ready |= Self.write }
        if events & (EPOLLERR.rawValue | EPOLLHUP.rawValue) != 0 { ready |= Self.error }
        let entry = state.withLock { state -> Entry? in
            state.entries[id]?.isBusy = true
            return state.entries[id]
        }
        guard let entry else { return }
        let queued = pool.submit(entry.group, mustRun: true) { [self, ready] in
            if state.read({ $0.entries[id] != nil }) { entry.body(ready) }
            rearm(id)
        }
        if !queued { rearm(id) }
    }

    private func rearm(_ id: UInt64) {
        state.withLock { state in
            guard let entry = state.entries[id] else { return }
            state.entries[id]?.isBusy = false
            _ = control(EPOLL_CTL_MOD, entry.descriptor, id, entry.events)
        }
    }
}
