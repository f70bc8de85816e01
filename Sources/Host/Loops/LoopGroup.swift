import BrokerCore
import Reactor

/// The event loops of the broker, one per shard, each on its own thread.
///
/// Made and used on the control thread; what it hands out may be used on any.
final class LoopGroup {
    /// Messages that may wait for one loop: connections on their way to it, mostly.
    private static let mailboxCapacity = 65_536

    private let ports: [LoopPort]
    private let drivers: [LoopDriver]
    private let metrics: HostMetrics
    private var threads: [LoopThread] = []

    /// Makes one loop for each shard of `broker`. None runs yet.
    init(broker: Broker, gate: AcceptGate, outlet: EventOutlet, metrics: HostMetrics) throws(SystemError) {
        var ports: [LoopPort] = []
        var drivers: [LoopDriver] = []
        for shard in broker.shards {
            let driver = LoopDriver(shard: shard, gate: gate, outlet: outlet)
            let loop = try EventLoop(index: shard.index, handler: driver)
            ports.append(LoopPort(loop: loop, mailbox: Mailbox(wakes: loop, capacity: Self.mailboxCapacity)))
            drivers.append(driver)
        }
        for driver in drivers { driver.connect(ports) }
        broker.onWake { [ports] shard in ports[shard].loop.wake() }
        (self.ports, self.drivers, self.metrics) = (ports, drivers, metrics)
    }

    /// Starts the threads. Nobody is served before ``accept(_:)``.
    func start() throws(SystemError) {
        for (number, port) in ports.enumerated() {
            threads.append(try LoopThread(running: port.loop, name: "hl-loop-\(number)"))
        }
    }

    /// Makes every loop hand what must survive to a store. While no loop runs a turn.
    var attaching: @Sendable (StoreDriver) -> Void {
        let drivers = Resting(drivers)
        return { [metrics] store in
            drivers.value.forEach { $0.store = store }
            metrics.attach(store)
        }
    }

    /// Makes a loop come round. [any thread]
    var wake: @Sendable (Int) -> Void { { [ports] shard in ports[shard].loop.wake() } }

    /// Runs a function while all loops rest between two turns: it may touch what belongs to their threads. The loops
    /// run, and the thread is none of theirs.
    var rest: @Sendable (Broker, () -> StoreLoading.Outcome) -> StoreLoading.Outcome {
        { [count = ports.count] broker, body in Self.whileResting(broker, count, body) }
    }

    /// Runs `body` while all loops rest between two turns. The loops run.
    func whileResting(_ broker: Broker, _ body: () -> Void) { Self.whileResting(broker, ports.count, body) }

    private static func whileResting<Result>(_ broker: Broker, _ count: Int, _ body: () -> Result) -> Result {
        let rest = Monitor((resting: 0, isOver: false))
        broker.postToAll(
            .administer { _ in
                rest.withLock { $0.resting += 1 }
                rest.wait { state, _ in state.isOver ? () : nil }
            })
        rest.wait { state, _ in state.resting == count ? () : nil }
        defer { rest.withLock { $0.isOver = true } }
        return body()
    }

    /// Lets every loop accept on every socket. The number of a listener is its place in `listeners`.
    func accept(_ listeners: [BoundListener]) {
        let sockets = listeners.enumerated().flatMap { number, listener in listener.sockets.map { ($0, number) } }
        for port in ports { _ = port.mailbox.post(.openListeners(sockets)) }
    }

    /// Opens connections from inside the process; `listeners` are all there are, in the order of their numbers.
    func inside(_ gate: AcceptGate, listeners: [String]) -> InsideConnections {
        InsideConnections(gate: gate, ports: ports, listeners: listeners)
    }

    /// No loop accepts on these sockets any more, a moment later.
    func close(_ listeners: [BoundListener]) {
        let sockets = listeners.flatMap(\.sockets)
        for port in ports { _ = port.mailbox.post(.closeListeners(sockets)) }
    }

    /// Ends the loops and waits for them: what is still open is cut, last words get two seconds at most.
    func stop() {
        for port in ports { port.loop.stop() }
        for thread in threads { thread.join() }
        threads = []
    }
}

/// What belongs to the loops' threads, for a moment in which they rest.
///
/// @unchecked Sendable: it is used between the lock that a loop has left to rest and the one it takes to go on.
private struct Resting: @unchecked Sendable {
    let value: [LoopDriver]

    init(_ value: [LoopDriver]) { self.value = value }
}
