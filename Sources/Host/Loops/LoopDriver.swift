// HOT PATH: forwarders between an event loop and a shard; per read and write no allocation and no retain of their own.
import BrokerCore
import Reactor
import StoreFormat

/// Joins an event loop to a shard: what happens to the sockets goes into the shard, what the shard wants done goes to
/// the sockets. No rule of MQTT is here.
///
/// A stream's context is the shard's connection handle, never 0; the shard's transport handle is the stream's id.
/// Made on the control thread, then used by the loop's thread alone.
final class LoopDriver: StreamHandler, ShardTransport {
    private let shard: Shard
    private let gate: AcceptGate
    private let outlet: EventOutlet
    /// Every loop of the broker by shard number, this one included. Set by ``connect(_:)`` before the loop runs.
    private var loops: [LoopPort] = []
    /// The loop owns its handler; the way back must not keep it alive. Set together with ``loops``.
    private unowned(unsafe) var loop: EventLoop!
    private var messages: [LoopMessage] = []
    /// Keeps what must survive the process; nil: nothing does. Set while no loop runs a turn.
    var store: StoreDriver?
    /// Connections that wait for their turn at the gate.
    private var waiting = WaitingRoom()
    /// Times a sample of the turns.
    private var sampling = TurnSampling()
    /// Streams taken over in this turn and their connections.
    private var adopted: [StreamID: UInt64] = [:]

    init(shard: Shard, gate: AcceptGate, outlet: EventOutlet) {
        self.shard = shard
        self.gate = gate
        self.outlet = outlet
    }

    /// Makes the driver complete: its own loop is the one at its shard's number.
    func connect(_ loops: [LoopPort]) {
        self.loops = loops
        loop = loops[shard.index].loop
        shard.attach(self)
    }

    // MARK: From the loop

    func opened(_ stream: StreamID, listener: Int, peer: SocketAddress, now: Int64) -> UInt64 {
        // Who comes through a proxy is counted when the proxy has said who it is.
        let address = peer == .unix || outlet.isProxy(peer, listener: listener) ? "" : peer.host
        switch gate.enter(address: address, now: now) {
        case .now:
            return shard.opened(transport: stream.rawValue, listener: listener, peer: peer.description, now: now)
        case .at(let time):
            loop.pauseReading(stream)
            waiting.add(.init(admittedAt: time, stream: stream, listener: listener, peer: peer))
            return 0
        case .refused(let refusal):
            outlet.refused(peer, listener: listener, refusal)
            loop.close(stream, .abort)
            return 0
        }
    }

    /// Lets in whose turn has come.
    private func admitWaiting(now: Int64) {
        while let entry = waiting.takeDue(now: now) {
            gate.stopWaiting()
            let connection = shard.opened(
                transport: entry.stream.rawValue, listener: entry.listener, peer: entry.peer.description, now: now)
            loop.setContext(entry.stream, connection)
            loop.resumeReading(entry.stream)
        }
    }

    func hungUp(_ stream: StreamID, context: UInt64, now: Int64) {
        // Who does not want to wait gives its place to the next one. Others are told when they are read again.
        guard context == 0, waiting.remove(stream) else { return }
        gate.stopWaiting()
        if gate.leave() { outlet.connectionsGone() }
        loop.close(stream, .abort)
    }

    func received(_ stream: StreamID, context: UInt64, bytes: UnsafeRawBufferPointer, now: Int64) {
        guard sampling.isTimed else { return shard.received(context, bytes, now: now) }
        sampling.timeReading { shard.received(context, bytes, now: now) }
    }

    func identified(_ stream: StreamID, context: UInt64, as peer: PeerDiscovery, now: Int64) {
        if let address = peer.address {
            // Waiting would hold the proxy's connection and what it has sent already: over the rate is refused here.
            let admission = gate.enter(address: address.host, now: now)
            if case .at = admission { gate.stopWaiting() }
            if case .refused = admission {} else { gate.leave() }
            guard admission == .now else {
                outlet.refused(address, listener: nil, .tooFast)
                shard.closed(context, now: now)
                loop.close(stream, .abort)
                if gate.leave() { outlet.connectionsGone() }
                loop.setContext(stream, 0)
                return
            }
        }
        shard.identified(context, address: peer.address?.description, peer: TLSPeer(peer), now: now)
    }

    var hasPreSharedKeys: Bool { shard.hasPreSharedKeys }

    func preSharedKey(_ stream: StreamID, context: UInt64, identity: [UInt8], now: Int64) -> [UInt8]? {
        shard.preSharedKey(context, identity: identity, now: now)
    }

    func writable(_ stream: StreamID, context: UInt64, now: Int64) {
        shard.writable(context, now: now)
    }

    func closed(_ stream: StreamID, context: UInt64, reason: CloseReason, now: Int64) {
        // A stream may end while it is being adopted, before its context is set; one that was refused has none at all.
        let connection = context != 0 ? context : adopted[stream] ?? 0
        guard connection != 0 else {
            guard waiting.remove(stream) else { return }
            gate.stopWaiting()
            if gate.leave() { outlet.connectionsGone() }
            return
        }
        if gate.leave() { outlet.connectionsGone() }
        if case .filter(let code) = reason, let origin = shard.origin(of: connection) {
            outlet.handshakeFailed(address: origin.address, listener: origin.listener, code)
        }
        // What the shard closed itself it has forgotten already.
        if reason != .local { shard.closed(connection, now: now) }
    }

    func woken(now: Int64) {
        loops[shard.index].mailbox.drain(into: &messages)
        for message in messages { take(message, now: now) }
        messages.removeAll(keepingCapacity: true)
        if let store { takeAnswers(of: store, now: now) }
        shard.processInbox(now: now)
    }

    private func takeAnswers(of store: StoreDriver, now: Int64) {
        for answer in store.takeAnswers(of: shard.index) {
            shard.stored(upTo: answer.ticket, succeeded: answer.succeeded, now: now)
        }
        for load in store.takeLoads(of: shard.index) { shard.loaded(load.messages, for: load.session, now: now) }
    }

    /// The store fails: what it has lost is handed over again from time to time.
    private func retryStore(_ store: StoreDriver, now: Int64) {
        guard let time = store.nextRetry, time <= now else { return }
        takeAnswers(of: store, now: now)
        store.retry(shard.index, now: now) { shard.retryRows(now: now) }
    }

    func endOfTurn(now: Int64) {
        if let store { retryStore(store, now: now) }
        if !adopted.isEmpty { adopted.removeAll(keepingCapacity: true) }
        if !waiting.isEmpty { admitWaiting(now: now) }
        shard.endOfTurn(now: now)
        sampling.turnEnded(shard, now: now)
    }

    func nextDeadline() -> Int64? {
        let deadline = min(shard.nextDeadline ?? .max, store?.nextRetry ?? .max, waiting.nextDeadline ?? .max)
        return deadline == .max ? nil : deadline
    }

    func acceptPaused(listener: Int, error: SystemError, resumesAt: Int64) {
        outlet.acceptPaused(listener: listener, error: error)
    }

    // MARK: From the shard

    func write(_ transport: UInt64, _ bytes: UnsafeRawBufferPointer) -> Int {
        switch loop.write(StreamID(rawValue: transport), bytes) {
        case .wrote(let count): count
        case .closed: -1
        }
    }

    func close(_ transport: UInt64, graceful: Bool) {
        loop.close(StreamID(rawValue: transport), graceful ? .graceful : .abort)
    }

    func pauseReading(_ transport: UInt64) { loop.pauseReading(StreamID(rawValue: transport)) }

    func resumeReading(_ transport: UInt64) { loop.resumeReading(StreamID(rawValue: transport)) }

    func move(_ transport: UInt64, to target: Int, _ transfer: ConnectionTransfer) {
        // Nil: the stream has ended in this turn, which `closed` is still to tell or has told.
        guard let stream = loop.detach(StreamID(rawValue: transport)) else { return }
        guard !loops[target].mailbox.post(.adopt(stream, transfer)) else { return }
        // The other loop has more to take over than is sane: letting go of the stream closes it.
        if gate.leave() { outlet.connectionsGone() }
    }

    func wake(shard target: Int) { loops[target].loop.wake() }

    func persist(_ rows: [StoreRow], ticket: UInt64) {
        guard let store else { preconditionFailure("without a store no rows are collected") }
        store.persist(rows, ticket: ticket, shard: shard.index, now: monotonicNow())
    }

    func load(_ messages: [UInt64], for session: UInt64) {
        store?.load(messages, for: session, shard: shard.index)
    }

    func event(_ event: BrokerEvent) {
        outlet.log.write(event)
        shard.notifyPlugins(event)
    }

    // MARK: From other threads

    private func take(_ message: LoopMessage, now: Int64) {
        switch message {
        case .adopt(let stream, let transfer):
            let id = loop.adopt(stream, context: 0)
            let connection = shard.adopt(transfer, transport: id.rawValue, now: now)
            loop.setContext(id, connection)
            adopted[id] = connection
        case .connect(let end, let listener, let address):
            let id = loop.adopt(descriptor: end.take(), context: 0)
            let connection = shard.opened(transport: id.rawValue, listener: listener, peer: address, now: now)
            loop.setContext(id, connection)
            adopted[id] = connection
        case .openListeners(let sockets):
            for (socket, number) in sockets {
                do throws(SystemError) {
                    try loop.add(socket, tag: number)
                } catch {
                    outlet.acceptPaused(listener: number, error: error)
                }
            }
        case .closeListeners(let sockets):
            for socket in sockets { loop.remove(socket) }
            // The broker is about to stop; nobody has promised these anything.
            for entry in waiting.removeAll() {
                gate.stopWaiting()
                if gate.leave() { outlet.connectionsGone() }
                loop.close(entry.stream, .abort)
            }
        }
    }
}

/// The end of a loop that other threads use.
struct LoopPort: Sendable {
    let loop: EventLoop
    let mailbox: Mailbox<LoopMessage>
}

/// What one loop does for another thread.
enum LoopMessage: Sendable {
    /// Takes over a connection whose session lives on this loop's shard.
    case adopt(DetachedStream, ConnectionTransfer)
    /// Serves a connection from inside the process as one of this listener's; the gate has let it in.
    case connect(InsideEnd, listener: Int, address: String)
    /// Accepts connections on these sockets, each with the number of its listener.
    case openListeners([(ListenerSocket, Int)])
    /// Accepts no more connections on these sockets.
    case closeListeners([ListenerSocket])
}

extension TLSPeer {
    /// Nil when TLS has found out nothing.
    convenience init?(_ discovery: PeerDiscovery) {
        guard let certificate = discovery.certificate else {
            guard let identity = discovery.keyIdentity else { return nil }
            self.init(keyIdentity: identity)
            return
        }
        self.init(
            name: certificate.name, subject: certificate.subject, commonName: certificate.commonName,
            certificate: certificate.der, fingerprint: certificate.fingerprint,
            keyIdentity: discovery.keyIdentity ?? [])
    }
}
