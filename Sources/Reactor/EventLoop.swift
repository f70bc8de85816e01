// HOT PATH: a turn costs one epoll_wait, one clock read and two atomic operations; an event allocates nothing.

import Glibc
import Synchronization
internal import Timing

/// One epoll loop: accepts connections, reads, tells its handler, writes what the handler hands it.
///
/// A process runs one loop per thread (`LoopThread`); loops share nothing but listening descriptors. `wake`, `stop` and
/// `index` may be used from any thread; everything else belongs to the thread that runs the loop, or, before `run`,
/// to the one that prepares it.
public final class EventLoop: @unchecked Sendable {
    // Safe to share: `wakeup` and `stopRequested` are atomics, `index` and `handler` never change; all other state is
    // touched on the loop's thread only, which `assertOnLoop` checks in debug builds.

    /// Position of the loop among its siblings.
    public let index: Int
    let handler: any StreamHandler
    let epoll: Epoll
    let wakeup: Wakeup
    let stopRequested = Atomic<Bool>(false)

    /// Hot state lies behind a pointer: stored properties of a class are checked for exclusive access.
    let state: UnsafeMutablePointer<LoopState>
    let receiveBuffer: UnsafeMutableRawBufferPointer
    let timers: TimerWheel

    // Cold state.
    var listeners: [ListenerRegistration?] = []
    var sources: [(any DescriptorSource)?] = []
    var lingeringCount = 0
    /// Streams that linger at a time; beyond it a graceful close is an abort, so that clients which are turned away
    /// cannot hold ever more descriptors.
    var lingeringLimit = 4096
    /// Scratch of filtered streams, used within one call.
    var plainSink = UnsafeByteSink()
    var wireSink = UnsafeByteSink()
    var owner: pthread_t?

    /// Bytes read from one stream in one turn at most, so that a stream that sends without end does not starve others.
    public static let receiveCapacityBytes = 256 * 1024

    /// Makes a loop that calls `handler` once it runs, and keeps it.
    public init(index: Int, handler: any StreamHandler) throws(SystemError) {
        self.index = index
        self.handler = handler
        epoll = try Epoll()
        do {
            wakeup = try Wakeup()
        } catch {
            epoll.destroy()
            throw error
        }
        receiveBuffer = .allocate(byteCount: Self.receiveCapacityBytes, alignment: 64)
        state = .allocate(capacity: 1)
        state.initialize(to: LoopState(now: MonotonicClock.now))
        timers = TimerWheel(now: state.pointee.now)
        let code = epoll.add(wakeup.descriptor, Epoll.readable | Epoll.edgeTriggered, token: Token.wakeup)
        guard code == 0 else { throw SystemError(code: code, call: "epoll_ctl") }
    }

    deinit {
        for index in 0..<state.pointee.streams.indexBound {
            let record = state.pointee.streams[index]
            guard record.pointee.flags.contains(.live) else { continue }
            _ = Glibc.close(record.pointee.descriptor)
            record.pointee.filter?.release()
        }
        plainSink.destroy()
        wireSink.destroy()
        state.pointee.streams.destroy()
        state.deinitialize(count: 1)
        state.deallocate()
        receiveBuffer.deallocate()
        epoll.destroy()
    }

    /// The time read when the turn began: CLOCK_MONOTONIC in nanoseconds.
    public var now: Int64 { state.pointee.now }

    /// Number of streams that the handler knows as open.
    public var streamCount: Int { state.pointee.streams.liveCount - lingeringCount }

    /// Asks for a call of `woken`. Any number of calls until then makes one call. Any thread.
    public func wake() {
        wakeup.notify()
    }

    /// Asks `run` to return: open streams are closed with the reason `local`, those closed gracefully get their time.
    /// Any thread.
    public func stop() {
        stopRequested.store(true, ordering: .releasing)
        wakeup.notify()
    }

    /// Runs turns until `stop`. A loop runs once.
    public func run() {
        owner = pthread_self()
        while !stopRequested.load(ordering: .acquiring) { turn(handler) }
        windDown(handler)
        owner = nil
    }

    // The handler travels as an argument: borrowed from `run` for all turns, it is never retained on the way.
    func turn(_ handler: any StreamHandler) {
        let count = epoll.wait(milliseconds: sleepMilliseconds(handler))
        let isNotified = wakeup.awake()
        let now = MonotonicClock.now
        state.pointee.now = now
        for position in 0..<count {
            let event = epoll.event(at: position)
            if Token.isStream(event.token) {
                streamEvent(StreamID(rawValue: event.token), event.events, handler)
            } else {
                controlEvent(event.token, handler)
            }
        }
        if isNotified { handler.woken(now: now) }
        runTimers(handler)
        settle(handler)
    }

    /// Tells the handler of streams it closed itself, and lets it flush; again when flushing closed more.
    func settle(_ handler: any StreamHandler) {
        repeat {
            reportLocalCloses(handler)
            handler.endOfTurn(now: now)
        } while !state.pointee.localCloses.isEmpty
    }

    private func sleepMilliseconds(_ handler: any StreamHandler) -> Int32 {
        var deadline = min(handler.nextDeadline() ?? .max, timers.nextDeadline ?? .max)
        if !sources.isEmpty { deadline = min(deadline, nextSourceDeadline()) }
        let milliseconds = Self.milliseconds(until: deadline)
        guard milliseconds != 0 else { return 0 }
        return wakeup.fallAsleep() ? milliseconds : 0
    }

    /// Rounded up, so that a deadline has passed when the wait is over; -1 for no deadline.
    private static func milliseconds(until deadline: Int64) -> Int32 {
        guard deadline != .max else { return -1 }
        let (distance, overflow) = deadline.subtractingReportingOverflow(MonotonicClock.now)
        guard !overflow, distance > 0 else { return 0 }
        let longest: Int64 = 3600 * 1000
        return Int32(truncatingIfNeeded: min((distance &+ 999_999) / 1_000_000, longest))
    }

    private func controlEvent(_ token: UInt64, _ handler: any StreamHandler) {
        if let listener = Token.listenerIndex(token) {
            acceptWaiting(listener, handler)
        } else if let source = Token.sourceIndex(token) {
            sourceEvent(source)
        }
        // What is left is the wake-up descriptor; `turn` asks the flag, not the descriptor.
    }

    private func runTimers(_ handler: any StreamHandler) {
        timers.advance(to: now) { kind, payload, _ in
            switch LoopTimer(rawValue: kind) {
            case .lingerEnds: lingerExpired(StreamID(rawValue: payload))
            case .acceptResumes: resumeAccepting(Int(truncatingIfNeeded: payload))
            case nil: break
            }
        }
        if !sources.isEmpty { expireSources() }
    }

    /// Debug builds trap when a thread uses a loop that another one runs.
    @inline(__always)
    func assertOnLoop() {
        assert(owner.map { pthread_equal($0, pthread_self()) != 0 } ?? true, "a loop is used by its own thread only")
    }
}

/// What a loop touches on every event.
struct LoopState {
    var now: Int64
    var streams = UnsafeStreamSlab()
    /// Streams the loop closed for the handler or because of it, which it has not been told of yet.
    var localCloses: [LocalClose] = []

    init(now: Int64) {
        self.now = now
    }
}

struct LocalClose {
    var stream: StreamID
    var context: UInt64
    var reason: CloseReason
}

enum LoopTimer: UInt8 {
    case lingerEnds, acceptResumes
}

/// Tokens of descriptors that are not streams have generation 0, which no stream has.
enum Token {
    static let wakeup: UInt64 = 0
    private static let firstListener: UInt64 = 1
    private static let firstSource: UInt64 = 1 << 31

    @inline(__always)
    static func isStream(_ token: UInt64) -> Bool { token >> 32 != 0 }

    static func listener(_ index: Int) -> UInt64 { firstListener + UInt64(index) }
    static func source(_ index: Int) -> UInt64 { firstSource + UInt64(index) }

    static func listenerIndex(_ token: UInt64) -> Int? {
        token >= firstListener && token < firstSource ? Int(token - firstListener) : nil
    }

    static func sourceIndex(_ token: UInt64) -> Int? {
        token >= firstSource ? Int(token - firstSource) : nil
    }
}
