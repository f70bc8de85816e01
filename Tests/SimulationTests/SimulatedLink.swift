import MQTTCodec

/// One network connection: the bytes that are under way in both directions, and what each end knows of the other.
final class SimulatedLink {
    let transport: UInt64
    let client: Int
    let plan: ConnectPlan
    /// The shard that has the connection, and its name for it.
    var shard: Int
    var handle: UInt64 = 0
    /// Given away by one shard, not yet taken by the other.
    var isMoving = false

    /// Bytes the client has sent that the broker has not been given.
    private(set) var toBroker: [UInt8] = []
    /// Bytes ever given to the broker.
    private(set) var carried = 0
    /// What the client sent as whole messages: where each ends in the stream.
    private var sentMessages: [(end: Int, message: Int)] = []
    private var sent = 0

    /// Bytes the broker has written that the client has not read.
    private(set) var toClient: [UInt8] = []
    private var written = 0
    private var read = 0
    /// When the pieces of the stream were encoded: at `earliest` or later, and written at `latest`.
    private var writes: [(end: Int, earliest: Int64, latest: Int64)] = []
    /// The broker had nothing left to write to the client at this time.
    var emptyAt: Int64

    /// The broker does not read.
    var isPaused = false
    /// The socket took less than it was given, and the broker waits to be told that it takes more.
    var isBlocked = false
    /// The broker has closed the connection.
    var isClosedByBroker = false
    /// The client has gone; `isBroken`: a write fails from now on.
    var isCut = false
    var isBroken = false
    /// The broker knows that the connection is gone.
    var isNoticed = false
    /// The session it was connected to, once the broker has taken it up.
    var generation: Int?
    /// What a DISCONNECT said, once it is on its way.
    var goodbye: (keepsWill: Bool, expiry: UInt32?)?

    init(transport: UInt64, client: Int, plan: ConnectPlan, now: Int64) {
        self.transport = transport
        self.client = client
        self.plan = plan
        shard = plan.acceptingShard
        emptyAt = now
    }

    /// The client sends a packet; `message` names the message when it is a PUBLISH.
    func send(_ packet: Packet, message: Int? = nil) {
        let bytes = packet.encode(version: plan.version)
        toBroker += bytes
        sent += bytes.count
        if let message { sentMessages.append((sent, message)) }
    }

    /// Takes up to `count` bytes on to the broker; `messages` are those whose last byte is among them.
    func carry(_ count: Int) -> (bytes: [UInt8], messages: [Int]) {
        let bytes = Array(toBroker.prefix(count))
        toBroker.removeFirst(bytes.count)
        carried += bytes.count
        let whole = sentMessages.prefix { $0.end <= carried }
        sentMessages.removeFirst(whole.count)
        return (bytes, whole.map(\.message))
    }

    /// The broker writes; answers how much the socket took.
    func write(_ bytes: UnsafeRawBufferPointer, now: Int64) -> Int {
        if isBroken { return -1 }
        // Bytes to a client that is gone, as long as nobody noticed, go to where bytes go.
        guard !isCut else { return bytes.count }
        let taken = min(bytes.count, max(0, plan.capacity - toClient.count))
        toClient.append(contentsOf: bytes[..<taken])
        written += taken
        if taken > 0 { writes.append((written, emptyAt, now)) }
        if taken < bytes.count { isBlocked = true }
        return taken
    }

    /// The client reads up to `count` bytes, with the time their first byte was encoded.
    func takeForClient(_ count: Int) -> [UInt8] {
        let bytes = Array(toClient.prefix(count))
        toClient.removeFirst(bytes.count)
        return bytes
    }

    /// A packet of `count` bytes has been taken out of the stream: when it was encoded.
    func encodingTime(ofNext count: Int) -> (earliest: Int64, latest: Int64) {
        while let first = writes.first, first.end <= read { writes.removeFirst() }
        read += count
        return writes.first.map { ($0.earliest, $0.latest) } ?? (0, .max)
    }

    /// The broker has died: nothing of it is left.
    func abandon() {
        isCut = true
        isClosedByBroker = true
        isNoticed = true
        isMoving = false
        loseBytes()
    }

    /// Everything under way is lost.
    func loseBytes() {
        toBroker = []
        toClient = []
    }
}
