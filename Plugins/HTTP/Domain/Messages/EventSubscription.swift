internal import HTTPTypes
internal import HummingbirdCore
internal import MQTTCodec
internal import NIOCore

/// The messages of one `GET /subscribe`, between the MQTT connection that brings them and the HTTP connection that
/// takes them. It outlives the latter for a while, so that a reader who comes back with Last-Event-ID misses nothing.
///
/// Bounds: beyond `queueLimit` bytes nothing more is read from the broker, whose own bounds hold then. A reader who
/// takes nothing for `patience` is dropped.
///
/// @unchecked Sendable: every stored property that changes is only touched on `loop`.
final class EventSubscription: @unchecked Sendable {
    /// Times and bounds.
    struct Limits: Sendable {
        /// Bytes that wait for the reader.
        var queueLimit: Int
        /// Bytes that were sent and are kept for Last-Event-ID.
        var replayLimit: Int
        /// Silence after which a comment is sent.
        var heartbeat: TimeAmount
        /// How long a reader may take nothing.
        var patience: TimeAmount
        /// How long the subscription waits for a reader who has gone.
        var resume: TimeAmount
    }

    /// Why a subscription has ended.
    enum End: Sendable {
        /// The reader took nothing for too long.
        case slow
        /// Nobody came back.
        case abandoned
        /// The broker has ended the MQTT connection.
        case disconnected(MQTTCodec.ReasonCode?)
        /// The plugin stops.
        case stopped
    }

    private struct Event {
        let number: UInt64
        let packetID: UInt16
        let bytes: ByteBuffer
    }

    /// Unguessable: whoever knows it, and has the same credentials, may resume.
    let id: String
    let credentials: Credentials?
    private let logIn: LogIn
    private let loop: any EventLoop
    private let limits: Limits
    private let ended: @Sendable (EventSubscription, End) -> Void

    private var waiting: [Event] = []
    private var waitingBytes = 0
    /// Handed to the reader, who has not asked for more yet.
    private var handedOut: [Event] = []
    /// Taken by the reader.
    private var sent: [Event] = []
    private var sentBytes = 0
    private var nextNumber: UInt64 = 1
    private var isReading = true
    private var isEnded = false
    /// Counts readers, so that an old one takes nothing from a new one.
    private var reader: UInt64 = 0
    private var request: CheckedContinuation<ByteBuffer?, Never>?
    private var channel: (any Channel)?
    private var timer: Scheduled<Void>?

    init(
        id: String, _ logIn: LogIn, _ credentials: Credentials?, _ limits: Limits, on loop: any EventLoop,
        ended: @escaping @Sendable (EventSubscription, End) -> Void
    ) {
        self.id = id
        self.logIn = logIn
        self.credentials = credentials
        self.limits = limits
        self.loop = loop
        self.ended = ended
    }

    /// Subscribes; the reason codes, one for each filter.
    func begin(_ filters: [String], qos: UInt8) async throws(Problem) -> [MQTTCodec.ReasonCode] {
        logIn.link.whenClosed { [weak self] reason in self?.end(.disconnected(reason)) }
        do throws(LinkFailure) {
            return try await logIn.link.subscribe(filters, qos: qos) { [weak self] in self?.take($0) }
        } catch {
            throw .unavailable("the broker did not answer the subscription")
        }
    }

    /// Ends it; any thread.
    func end(_ end: End) {
        loop.execute { [self] in
            guard !isEnded else { return }
            isEnded = true
            timer?.cancel()
            logIn.link.close()
            request?.resume(returning: nil)
            request = nil
            // A reader who takes nothing does not see the end of the stream either.
            if case .slow = end { channel?.close(promise: nil) }
            channel = nil
            ended(self, end)
        }
    }

    // MARK: From the broker, on `loop`

    private func take(_ message: Publish) {
        let number = nextNumber
        nextNumber += 1
        let bytes = MessageEvent.bytes(of: message, id: "\(id)-\(number)")
        waiting.append(Event(number: number, packetID: message.packetID, bytes: bytes))
        waitingBytes += bytes.readableBytes
        if waitingBytes > limits.queueLimit, isReading {
            isReading = false
            logIn.link.setReading(false)
        }
        handOut()
    }

    // MARK: To the reader

    /// A reader has come.
    /// - Parameter last: number of the last event it has seen; nil: it begins.
    /// - Returns: the reader's number, and how many events are lost for it; nil: the subscription has ended.
    func attach(_ channel: any Channel, last: UInt64?) async -> (reader: UInt64, lost: UInt64)? {
        let future = loop.submit { [self] () -> (UInt64, UInt64)? in
            guard !isEnded else { return nil }
            timer?.cancel()
            request?.resume(returning: nil)
            request = nil
            reader += 1
            self.channel = channel
            guard let last else { return (reader, 0) }
            return (reader, rewind(to: last))
        }
        return (try? await future.get()).map { (reader: $0.0, lost: $0.1) }
    }

    /// Makes what follows an event wait again; how much of it is not here any more.
    private func rewind(to given: UInt64) -> UInt64 {
        // Nobody has seen what has not come yet.
        let last = min(given, nextNumber - 1)
        for event in handedOut where event.number <= last { logIn.link.acknowledge(event.packetID) }
        let known = sent + handedOut + waiting
        waiting = known.filter { $0.number > last }
        (handedOut, sent, sentBytes) = ([], [], 0)
        waitingBytes = waiting.reduce(0) { $0 + $1.bytes.readableBytes }
        let first = waiting.first?.number ?? nextNumber
        return first - min(first, last + 1)
    }

    /// What is to be written next: events, or a comment after a time of silence; nil: nothing more will come. Asking
    /// for more says that what was given before was taken.
    func next(_ number: UInt64) async -> ByteBuffer? {
        await withCheckedContinuation { continuation in
            loop.execute { [self] in
                guard number == reader, !isEnded else { return continuation.resume(returning: nil) }
                timer?.cancel()
                acknowledge()
                request = continuation
                handOut()
                if request != nil { waitForSilence() }
            }
        }
    }

    /// The reader has gone; it may come back.
    func detach(_ number: UInt64) {
        loop.execute { [self] in
            guard number == reader, !isEnded else { return }
            // It asks for nothing more, even if it is still writing.
            reader += 1
            channel = nil
            timer?.cancel()
            request?.resume(returning: nil)
            request = nil
            timer = loop.scheduleTask(in: limits.resume) { [weak self] () -> Void in self?.end(.abandoned) }
        }
    }

    private func acknowledge() {
        for event in handedOut {
            logIn.link.acknowledge(event.packetID)
            sentBytes += event.bytes.readableBytes
        }
        sent += handedOut.map { Event(number: $0.number, packetID: 0, bytes: $0.bytes) }
        handedOut = []
        while sentBytes > limits.replayLimit, let oldest = sent.first {
            sentBytes -= oldest.bytes.readableBytes
            sent.removeFirst()
        }
    }

    private static let chunk = 32 << 10

    private func handOut() {
        guard let continuation = request, !waiting.isEmpty else { return }
        var bytes = ByteBuffer()
        var count = 0
        while count < waiting.count, bytes.readableBytes < Self.chunk {
            bytes.writeImmutableBuffer(waiting[count].bytes)
            count += 1
        }
        handedOut = Array(waiting[..<count])
        waiting.removeFirst(count)
        waitingBytes -= bytes.readableBytes
        if !isReading, waitingBytes < limits.queueLimit / 2 {
            isReading = true
            logIn.link.setReading(true)
        }
        request = nil
        timer?.cancel()
        timer = loop.scheduleTask(in: limits.patience) { [weak self] () -> Void in self?.end(.slow) }
        continuation.resume(returning: bytes)
    }

    private func waitForSilence() {
        timer?.cancel()
        timer = loop.scheduleTask(in: limits.heartbeat) { [weak self] () -> Void in
            guard let self, let continuation = self.request else { return }
            request = nil
            timer = loop.scheduleTask(in: limits.patience) { [weak self] () -> Void in self?.end(.slow) }
            continuation.resume(returning: ByteBuffer(string: ":\n\n"))
        }
    }
}
