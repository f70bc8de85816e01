internal import MQTTCodec
internal import NIOCore
internal import NIOPosix

/// Why there is no link.
enum LinkFailure: Error, Sendable {
    /// The broker answered CONNECT with this.
    case refused(MQTTCodec.ReasonCode)
    /// The broker has no room, or nobody serves.
    case unavailable(String)
}

/// An MQTT 5.0 connection inside the process, on which somebody who speaks HTTP is a client like any other: log-in,
/// rules, limits and hooks are those of the broker (`connection/1`).
///
/// @unchecked Sendable: every stored property is only touched on `loop`; what may be called elsewhere hops there.
final class MQTTLink: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    /// The client identifier, chosen here.
    let clientID: String
    private let loop: any EventLoop
    private var channel: (any Channel)?
    private var received = ByteBuffer()
    private var connecting: EventLoopPromise<ConnAck>?
    private var subscribing: EventLoopPromise<SubAck>?
    private var pinging: RepeatedTask?
    private var isClosed = false
    /// On `loop`: a message came.
    private var onMessage: (Publish) -> Void = { _ in }
    /// On `loop`, once: the connection has ended, and why if the broker said so.
    private var onClose: (MQTTCodec.ReasonCode?) -> Void = { _ in }
    private var reason: MQTTCodec.ReasonCode?

    /// Longest wait for CONNACK and SUBACK: a plugin of the broker may have to ask a service.
    private static let patience = TimeAmount.seconds(20)

    private init(_ clientID: String, _ loop: any EventLoop) {
        self.clientID = clientID
        self.loop = loop
    }

    /// Logs in. The descriptor is the link's from here on.
    static func open(
        _ descriptor: Int32, _ connect: Connect, on loop: any EventLoop
    ) async throws(LinkFailure) -> MQTTLink {
        let link = MQTTLink(connect.clientIDText, loop)
        do {
            let channel = try await ClientBootstrap(group: loop)
                .channelInitializer { $0.pipeline.addHandler(link) }
                .withConnectedSocket(descriptor).get()
            let answer = try await loop.flatSubmit { link.begin(channel, connect) }.get()
            guard !answer.reason.isError else {
                link.close()
                throw LinkFailure.refused(answer.reason)
            }
            return link
        } catch let failure as LinkFailure {
            throw failure
        } catch {
            link.close()
            throw .unavailable("the broker did not answer the log-in")
        }
    }

    private func begin(_ channel: any Channel, _ connect: Connect) -> EventLoopFuture<ConnAck> {
        let promise = loop.makePromise(of: ConnAck.self)
        guard !isClosed else {
            promise.fail(ChannelError.eof)
            return promise.futureResult
        }
        self.channel = channel
        connecting = promise
        loop.scheduleTask(in: Self.patience) { [self] in
            connecting?.fail(ChannelError.connectTimeout(Self.patience))
            connecting = nil
        }
        send(.connect(connect))
        return promise.futureResult
    }

    /// Who is told when the connection has ended; at once if it has.
    func whenClosed(_ body: @escaping @Sendable (MQTTCodec.ReasonCode?) -> Void) {
        loop.execute { [self] in
            if isClosed { body(reason) } else { onClose = body }
        }
    }

    /// Subscribes; messages go to `body` on the event loop from then on.
    func subscribe(
        _ filters: [String], qos: UInt8, _ body: @escaping @Sendable (Publish) -> Void
    ) async throws(LinkFailure) -> [MQTTCodec.ReasonCode] {
        let subscribe = Subscribe(
            packetID: 1, subscriptions: filters.map { Subscription(filter: Array($0.utf8), qos: qos) })
        do {
            return try await loop.flatSubmit { [self] () -> EventLoopFuture<SubAck> in
                let promise = loop.makePromise(of: SubAck.self)
                guard !isClosed, subscribing == nil else {
                    promise.fail(ChannelError.eof)
                    return promise.futureResult
                }
                subscribing = promise
                onMessage = body
                loop.scheduleTask(in: Self.patience) { [self] in
                    subscribing?.fail(ChannelError.connectTimeout(Self.patience))
                    subscribing = nil
                }
                send(.subscribe(subscribe))
                return promise.futureResult
            }.get().reasons
        } catch {
            throw .unavailable("the broker did not answer the subscription")
        }
    }

    /// On `loop`: the message with this id has been handed on. 0: it had none.
    func acknowledge(_ packetID: UInt16) {
        loop.assertInEventLoop()
        if packetID != 0 { send(.puback(Ack(packetID: packetID))) }
    }

    /// On `loop`: whether more is read, so that a slow reader holds back its sender and not this process.
    func setReading(_ isReading: Bool) {
        loop.assertInEventLoop()
        _ = channel?.setOption(ChannelOptions.autoRead, value: isReading)
    }

    /// Says good-bye and ends the connection.
    func close() {
        loop.execute { [self] in
            if !isClosed { send(.disconnect(Disconnect())) }
            channel?.close(promise: nil)
        }
    }

    private func send(_ packet: Packet) {
        guard let channel, !isClosed else { return }
        channel.writeAndFlush(ByteBuffer(bytes: packet.encode(version: .v5_0)), promise: nil)
    }

    // MARK: What comes

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        received.writeBuffer(&bytes)
        while let frame = nextFrame(context) {
            guard let packet = try? Packet.decode(frame, version: .v5_0, role: .fromServer) else {
                return context.close(promise: nil)
            }
            take(packet)
        }
        received.discardReadBytes()
    }

    private func nextFrame(_ context: ChannelHandlerContext) -> [UInt8]? {
        let scan = received.withUnsafeReadableBytes { raw in
            guard let base = raw.baseAddress, raw.count > 1 else { return FrameScan.needMore(total: 0) }
            return FrameScan.scan(base, count: raw.count, maximumPacketSize: PublishEncoder.maximumPacketSize)
        }
        switch scan {
        case .frame(let length, _): return received.readBytes(length: length)
        case .needMore: return nil
        case .malformed:
            context.close(promise: nil)
            return nil
        }
    }

    private func take(_ packet: Packet) {
        switch packet {
        case .connack(let answer):
            connecting?.succeed(answer)
            connecting = nil
            if !answer.reason.isError, let seconds = answer.properties.serverKeepAlive, seconds > 0 {
                let period = TimeAmount.seconds(Int64(max(seconds / 2, 1)))
                pinging = loop.scheduleRepeatedTask(initialDelay: period, delay: period) { [weak self] _ in
                    self?.send(.pingreq)
                }
            }
        case .suback(let answer):
            subscribing?.succeed(answer)
            subscribing = nil
        case .publish(let message): onMessage(message)
        case .disconnect(let disconnect): reason = disconnect.reason
        default: break
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelInactive(context: ChannelHandlerContext) {
        isClosed = true
        pinging?.cancel()
        connecting?.fail(ChannelError.eof)
        subscribing?.fail(ChannelError.eof)
        (connecting, subscribing, channel) = (nil, nil, nil)
        let told = onClose
        // What the closures hold may hold the link.
        (onClose, onMessage) = ({ _ in }, { _ in })
        told(reason)
    }
}
