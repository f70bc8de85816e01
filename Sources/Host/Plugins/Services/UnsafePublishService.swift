import BrokerCore
import MQTTCodec
import PluginABI

/// publish/1: checks, copies, queues, and says what became of it.
extension PluginInstance {
    /// A chain of publishes caused by publishes longer than this is cut.
    private static let maximumHops: UInt32 = 8
    /// MQTT's own bound of topic names [MQTT-1.5.3] and of the payload that fits a packet.
    private static let maximumTopic: UInt64 = 65_535
    private static let maximumPayload: UInt64 = 268_435_455
    /// Publications of one instance that may be under way.
    static let maximumUnderWay = 4096

    /// Publishes what a plugin describes.
    func publish(_ pointer: UnsafePointer<hl_publication>) -> hl_status {
        guard let given = readStruct(pointer, atLeast: MemoryLayout<hl_publication>.offset(of: \.as_client)) else {
            return HL_INVALID
        }
        return publish(given)
    }

    /// As `publish(_:)`, for a struct that was read already.
    func publish(_ given: hl_publication) -> hl_status {
        guard given.qos <= 2, given.topic.len <= PluginInstance.maximumTopic,
            given.payload.len + given.properties.len <= PluginInstance.maximumPayload,
            given.as_client.len <= PluginInstance.maximumTopic, ServiceTables.isValidTopic(given.topic.bytes),
            PublishProperties.isForwardable(given.properties.bytes)
        else { return HL_INVALID }
        guard phase < .stopped else { return HL_NOT_ALLOWED }
        let hops = HookCalls.hops(of: given.cause) + 1
        guard hops <= PluginInstance.maximumHops else {
            log(.warn, "plugin.publish_loop", "a chain of \(hops) publishes ended at \(given.topic.text)")
            return HL_INVALID
        }
        guard publications.begin() else { return HL_BUSY }
        var publication = PluginPublication(
            topic: Array(given.topic.bytes), payload: Array(given.payload.bytes),
            properties: Array(given.properties.bytes), qos: UInt8(given.qos), retain: given.flags & HL_RETAIN != 0,
            expiry: given.expiry, instance: given.flags & HL_TO_OWN_HOOKS != 0 ? 0 : number, hops: hops)
        publication.asClient = Array(given.as_client.bytes)
        let answer = PublishedAnswer(instance: self, function: given.done, report: given.report, user: given.user)
        publication.done = { answer.send($0) }
        publication.wantsCounts = given.report != nil
        if context.environment.broker.publish(publication) { return HL_OK }
        publications.end()
        return HL_BUSY
    }
}

/// What a publication leads back to.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct PublishedAnswer: @unchecked Sendable {
    let instance: PluginInstance
    let function: hl_published_fn?
    let report: hl_report_fn?
    let user: UnsafeMutableRawPointer?

    func send(_ said: InjectionReport) {
        instance.publications.end()
        guard function != nil || report != nil else { return }
        let (status, code): (hl_status, UInt32) =
            switch said.outcome {
            case .routed(let matched): (HL_OK, matched ? 0 : 0x10)
            case .refused(let reason): (HL_NOT_ALLOWED, UInt32(reason.rawValue))
            case .noSuchClient: (HL_NOT_FOUND, 0)
            case .notStored: (HL_IO_ERROR, UInt32(ReasonCode.quotaExceeded.rawValue))
            }
        instance.onWorker { [self] in
            function?(instance.pluginState, user, status, code)
            guard let report else { return }
            var told = hl_publish_report()
            told.struct_size = UInt32(MemoryLayout<hl_publish_report>.size)
            (told.status, told.reason_code, told.id) = (status, code, said.id)
            (told.matched, told.sent) = (said.counts.matched, said.counts.sent)
            (told.queued, told.denied, told.dropped) = (said.counts.queued, said.counts.denied, said.counts.dropped)
            var rule = said.rule
            rule.withUTF8 { bytes in
                told.rule = hl_view(UnsafeRawBufferPointer(bytes))
                report(instance.pluginState, user, &told)
            }
        }
    }
}

/// How many publications of an instance are under way, and who waits for room.
final class PublicationCount: Sendable {
    private struct State {
        var underWay = 0
        var waiters: [@Sendable () -> Void] = []
    }

    private let state = Monitor(State())

    var count: Int { state.read { $0.underWay } }

    /// False when too many are under way.
    func begin() -> Bool {
        state.withLock { state in
            guard state.underWay < PluginInstance.maximumUnderWay else { return false }
            state.underWay += 1
            return true
        }
    }

    func end() {
        let ready = state.withLock { state -> [@Sendable () -> Void] in
            state.underWay -= 1
            return PublicationCount.takeReady(&state)
        }
        for waiter in ready { waiter() }
    }

    /// Calls `waiter` once when at most half are under way.
    func whenReady(_ waiter: @escaping @Sendable () -> Void) {
        let ready = state.withLock { state -> [@Sendable () -> Void] in
            state.waiters.append(waiter)
            return PublicationCount.takeReady(&state)
        }
        for waiter in ready { waiter() }
    }

    private static func takeReady(_ state: inout State) -> [@Sendable () -> Void] {
        guard !state.waiters.isEmpty, state.underWay <= PluginInstance.maximumUnderWay / 2 else { return [] }
        defer { state.waiters = [] }
        return state.waiters
    }
}

extension ServiceTables {
    static func makePublish() -> hl_publish_v1 {
        var table = hl_publish_v1()
        table.struct_size = UInt32(MemoryLayout<hl_publish_v1>.size)
        table.publish = { handle, publication in
            guard let instance = PluginInstance.of(handle), let publication else { return HL_INVALID }
            return instance.publish(publication)
        }
        table.when_ready = { handle, function, user in
            guard let instance = PluginInstance.of(handle), let function else { return HL_INVALID }
            guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
            let work = Work(instance: instance, function: function, user: user)
            instance.publications.whenReady { instance.onWorker { work.run() } }
            return HL_OK
        }
        table.under_way = { handle in UInt32(PluginInstance.of(handle)?.publications.count ?? 0) }
        return table
    }
}
