import BrokerCore
import Configuration
import Glibc
import Reactor

/// The control thread of a running broker: signals, control socket, reload, stop. No message of a client passes here,
/// so it may wait for a file.
///
/// Handler of the control loop, which runs on the main thread; everything here belongs to that thread.
final class Supervisor: StreamHandler {
    let log: Log
    let options: ServeOptions
    /// When the process started, host clock ns.
    let started: Int64
    /// What the broker runs with; a reload replaces what it could apply.
    var running: LoadedConfiguration
    /// Nil until ``supervise(_:)``.
    private(set) var service: BrokerService?
    /// Settings changed since the start, where nothing keeps them.
    var overlay: RuntimeOverlay
    /// Whether clients should be sent here.
    let readiness: Readiness
    /// Questions that other threads work on.
    var waiting: [UInt64: WaitingAnswer] = [:]
    /// Walks over the retained messages.
    var retainedListing = RetainedListing()
    /// Status requests that wait for the shards.
    var queries: [UInt64: StatusQuery] = [:]
    var lastQuery: UInt64 = 0
    /// Measurements of plugins that are under way.
    var measurements: [UInt64: (ControlAnswer) -> Void] = [:]
    /// Reloads: the first is under way, the others wait for it.
    var waitingReloads: [(_ done: @escaping () -> Void) -> Void] = []
    /// Changes of the plugins that are under way.
    var applications: [UInt64: (Result<PluginChanges, ConfigurationErrors>) -> Void] = [:]
    var lastApplication: UInt64 = 0
    /// TLS listeners by name; their files are followed.
    var tlsServers: [String: TLSServer] = [:]
    /// When the memory is looked at next, host clock ns, and what was found last.
    var nextMemoryCheck: Int64 = 0
    var nextMemoryTrim: Int64 = 0
    var isShortOfMemory = false
    private(set) var loop: EventLoop!
    private(set) var mailbox: Mailbox<ControlMessage>!
    private var socket: ControlSocket!
    private var stop: StopSequence
    /// When what is left is cut, host clock ns; nil = not stopping.
    private var drainEnds: Int64?
    /// The time is over, and those who are left are being told.
    private var isLastCall = false
    private var hasEnded = false
    private let parent: ParentProcess?

    /// Time for the good-bye to those whom the drain could not wait for, in ns.
    private static let lastWords: Int64 = 500_000_000

    /// Prepares the control loop; nothing is served yet.
    init(
        options: ServeOptions, configuration: LoadedConfiguration, log: Log, started: Int64, parent: ParentProcess?,
        readiness: Readiness = Readiness()
    ) throws(SystemError) {
        self.options = options
        self.log = log
        self.started = started
        self.parent = parent
        self.readiness = readiness
        running = configuration
        overlay = configuration.overlay
        stop = StopSequence(drain: configuration.configuration.broker.shutdown.drain.nanoseconds)
        loop = try EventLoop(index: -1, handler: self)
        mailbox = Mailbox(wakes: loop, capacity: 1_024)
        socket = ControlSocket(loop: loop, commands: self, log: log)
        try loop.add(
            try SignalSource([SIGTERM, SIGINT, SIGHUP, ParentProcess.signal]) { [unowned self] signal in
                took(signal: signal)
            })
    }

    /// Serves until the broker has stopped.
    func supervise(_ service: BrokerService, control: ListenerSocket?) throws(SystemError) {
        self.service = service
        if let control { try loop.add(control, tag: 0) }
        followConfiguration()
        loop.run()
    }

    // MARK: Stopping

    private func took(signal number: Int32) {
        switch number {
        case SIGHUP: reload()
        case ParentProcess.signal:
            if parent?.isGone ?? false { follow(stop.request(now: loop.now), by: "parent") }
        default: follow(stop.signal(number, now: loop.now), by: number == SIGINT ? "SIGINT" : "SIGTERM")
        }
    }

    /// `hookline stop`
    func requestStop() { follow(stop.request(now: loop.now), by: "control") }

    var isStopping: Bool { drainEnds != nil }

    private func follow(_ step: StopSequence.Step, by: String) {
        switch step {
        case .nothing: break
        case .endNow(let exitCode):
            service?.leaveNothingBehind()
            _exit(exitCode)
        case .drain(let end):
            drainEnds = end
            readiness.enter(.draining)
            log.write(.brokerDraining) {
                [
                    .init("by", by), .init("connections", service?.connections ?? 0),
                    .init("limit", .duration(end - loop.now)),
                ]
            }
            service?.drain()
        }
    }

    /// Ends the control loop when the last connection is gone or the time is over.
    private func endIfDrained(now: Int64) {
        guard let drainEnds, !hasEnded else { return }
        let isEmpty = service?.connections ?? 0 == 0
        guard isEmpty || now >= drainEnds else { return }
        if !isEmpty, !isLastCall {
            isLastCall = true
            self.drainEnds = now + Self.lastWords
            service?.disconnectAll()
            return
        }
        // Before the control connections close: `hookline stop` waits for that.
        hasEnded = true
        service?.stop()
        loop.stop()
    }

    // MARK: StreamHandler

    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 { socket.opened(stream) }

    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {
        socket.received(context, bytes)
    }

    func writable(_ stream: StreamID, context: UInt64, now: Int64) { socket.writable(context) }

    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) { socket.closed(context) }

    func woken(now: Int64) {
        var messages: [ControlMessage] = []
        mailbox.drain(into: &messages)
        for message in messages { take(message) }
    }

    func endOfTurn(now: Int64) {
        expireQueries(now: now)
        expireAnswers(now: now)
        checkMemory(now: now)
        endIfDrained(now: now)
    }

    func nextDeadline() -> Int64? {
        let query = queries.values.map(\.expires).min()
        let memory = running.configuration.broker.limits.maxMemory > 0 ? nextMemoryCheck : nil
        let answer = waiting.values.map(\.expires).min()
        return [drainEnds, query, answer, memory].compactMap { $0 }.min()
    }
}

/// What other threads tell the control thread.
enum ControlMessage: Sendable {
    /// One shard's answer to a status query.
    case snapshot(query: UInt64, ShardSnapshot)
    /// Other threads have found out what somebody wanted to know.
    case finished(UInt64, @Sendable () -> ControlAnswer)
    /// A change of the plugins is done or refused.
    case applied(UInt64, Result<PluginChanges, ConfigurationErrors>)
    /// Plugins were measured.
    case measured(UInt64, [HookMeasure])
    /// A plugin asks what an operator can ask.
    case administer(AdministrationRequest, @Sendable (AdministrationAnswer) -> Void)
}
