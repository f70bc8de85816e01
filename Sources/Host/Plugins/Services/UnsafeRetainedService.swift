import BrokerCore
import PluginABI

/// retained/1
extension ServiceTables {
    static func makeRetained() -> hl_retained_v1 {
        var table = hl_retained_v1()
        table.struct_size = UInt32(MemoryLayout<hl_retained_v1>.size)
        table.get = { handle, topic, function, user in
            guard let function, ServiceTables.isValidTopic(topic.bytes) else { return HL_INVALID }
            let topic = Array(topic.bytes)
            let answer = BatchAnswer(function: function, user: user)
            return ServiceTables.look(handle) { instance, broker in
                let found = broker.retained(topic: topic, now: monotonicNow())
                instance.lendRetained([found].compactMap { $0 }, HL_BATCH_LAST, found == nil ? HL_NOT_FOUND : HL_OK) {
                    answer.send($0, to: instance)
                }
            }
        }
        table.match = { handle, filter, function, user in
            guard let function, filter.len <= 65_535,
                TopicFilter.validate(filter.bytes, maximumLevels: 65_535) == nil
            else { return HL_INVALID }
            let filter = Array(filter.bytes)
            let answer = BatchAnswer(function: function, user: user)
            return ServiceTables.look(handle) { instance, _ in
                instance.walkRetained(filter, flags: HL_BATCH_RETAINED) { answer.send($0, to: instance) }
            }
        }
        table.set = { handle, publication in
            guard let instance = PluginInstance.of(handle), let publication,
                var given = readStruct(publication, atLeast: MemoryLayout<hl_publication>.offset(of: \.as_client))
            else { return HL_INVALID }
            given.flags |= HL_RETAIN
            return given.payload.len == 0 ? HL_INVALID : instance.publish(given)
        }
        table.clear = { handle, topic in
            guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
            var publication = hl_publication()
            publication.flags = HL_RETAIN
            publication.topic = topic
            return instance.publish(publication)
        }
        table.count = { handle in
            UInt64(PluginInstance.of(handle)?.context.environment.broker.broker?.retainedUsage.messages ?? 0)
        }
        table.bytes = { handle in
            UInt64(PluginInstance.of(handle)?.context.environment.broker.broker?.retainedUsage.bytes ?? 0)
        }
        return table
    }

    private static func look(
        _ handle: UnsafeMutablePointer<hl_self>?, _ body: @escaping @Sendable (PluginInstance, Broker) -> Void
    ) -> hl_status {
        guard let instance = PluginInstance.of(handle) else { return HL_INVALID }
        guard instance.phase < .stopped else { return HL_NOT_ALLOWED }
        guard let broker = instance.context.environment.broker.broker else { return HL_UNAVAILABLE }
        return instance.onWorker { body(instance, broker) } ? HL_OK : HL_BUSY
    }
}

/// Where batches go.
///
/// @unchecked Sendable: the pointer is the plugin's; it gave it to be used on a worker.
private struct BatchAnswer: @unchecked Sendable {
    let function: hl_batch_fn
    let user: UnsafeMutableRawPointer?

    func send(_ batch: UnsafePointer<hl_batch>, to instance: PluginInstance) {
        function(instance.pluginState, user, batch)
    }
}

extension PluginInstance {
    private static let retainedBatch = 64

    /// All retained messages of a filter, batch by batch; the last has `HL_BATCH_LAST`. [worker]
    func walkRetained(_ filter: [UInt8], flags: UInt32, _ body: (UnsafePointer<hl_batch>) -> Void) {
        guard let broker = context.environment.broker.broker else { return }
        let walk = broker.retained(matching: filter)
        var isLast = false
        while !isLast, phase < .stopped {
            let page = walk.next(maximum: PluginInstance.retainedBatch, now: monotonicNow())
            isLast = page.isLast
            guard isLast || !page.messages.isEmpty else { continue }
            lendRetained(page.messages, flags | (isLast ? HL_BATCH_LAST : 0), HL_OK, body)
        }
    }

    fileprivate func lendRetained(
        _ reports: [RetainedReport], _ flags: UInt32, _ status: hl_status, _ body: (UnsafePointer<hl_batch>) -> Void
    ) {
        let memory = LentMemory()
        let messages = reports.map { report in
            var message = hl_msg()
            message.struct_size = UInt32(MemoryLayout<hl_msg>.size)
            message.flags = HL_MSG_RETAIN
            message.topic = memory.view(report.topic)
            message.payload = memory.view(report.payload)
            message.properties = memory.view(report.properties)
            message.received = report.publishedAt
            message.expires = report.expiresAt == 0 ? Int64(HL_NEVER) : report.expiresAt
            message.qos = UInt32(report.qos)
            message.origin = HL_ORIGIN_RETAINED
            return message
        }
        withExtendedLifetime(memory) { Consumer.lend(messages, flags: flags, lost: 0, status, body) }
    }
}
