import BrokerCore
import Configuration
import Glibc
import Locking
import MQTTCodec
import Synchronization

extension PluginEnvironment {
    /// What the plugins of `broker` need.
    init(
        _ broker: Broker, log: Log, configuration: BrokerConfiguration, staging: StagingDirectory, isEphemeral: Bool,
        isChecking: Bool, paths: PathBase, administer: @escaping BrokerService.Administer
    ) {
        var port = BrokerPort(broker)
        port.administer = administer
        self.init(
            pluginDirectories: configuration.pluginDirectories, stagingDirectory: staging.path,
            pending: broker.pendingHooks, broker: port, log: PluginLog(log),
            install: { table, whenInUse in
                broker.install(table)
                let missing = Countdown(broker.shards.count, then: whenInUse)
                broker.postToAll(.barrier { missing.arrive() })
            })
        let data = configuration.dataDirectory
        dataDirectory = isEphemeral || data.isEmpty ? nil : data
        self.isEphemeral = isEphemeral
        self.isChecking = isChecking
        measure = { isOn, then in
            let found = Locked<[HookMeasure]>([])
            let missing = Countdown(broker.shards.count) { then(found.withLock { $0 }) }
            broker.postToAll(
                .administer { shard in
                    // Read first: what ends forgets.
                    let measures = shard.hookMeasures
                    if let isOn { shard.setMeasuring(isOn) }
                    found.withLock { $0 += measures }
                    missing.arrive()
                })
        }
        trace = { settings in broker.postToAll(.trace(settings)) }
        reload = configuration.reload
        containment = configuration.containment
        trust.requiresPins = configuration.requiresPins
        trust.isEnforced = configuration.requiresPins || geteuid() == 0
        trust.folders =
            [paths.fileDirectory] + configuration.pluginDirectories
            + [PluginSearch.executableFolder()].compactMap { $0 }
    }

    /// For a check: nothing is started, so nothing is asked for.
    init(checking configuration: BrokerConfiguration, staging: StagingDirectory) {
        self.init(
            pluginDirectories: configuration.pluginDirectories, stagingDirectory: staging.path, pending: [],
            broker: BrokerPort(
                publish: { _ in false }, revokeVerdicts: { _ in }, recheckSubscriptions: { _ in }, kick: { _, _ in },
                kickClientID: { _, _ in }),
            log: PluginLog(isEnabled: { _ in false }, write: { _ in }), install: { $1() })
        // The ports of the configuration are those of the broker that runs.
        isEphemeral = true
    }
}

/// Calls a function once, when everybody has arrived.
private final class Countdown: Sendable {
    private let missing: Atomic<Int>
    private let then: @Sendable () -> Void

    init(_ count: Int, then: @escaping @Sendable () -> Void) {
        missing = Atomic(count)
        self.then = then
    }

    func arrive() {
        if missing.wrappingSubtract(1, ordering: .acquiringAndReleasing).newValue == 0 { then() }
    }
}

extension BrokerPort {
    fileprivate init(_ broker: Broker) {
        self.init(
            publish: { publication in
                var message = InjectedMessage(
                    topic: publication.topic, payload: publication.payload, qos: publication.qos,
                    retain: publication.retain)
                message.properties = publication.properties
                message.expiry = publication.expiry == 0 ? nil : publication.expiry
                message.instance = publication.instance
                message.hops = publication.hops
                message.asClient = publication.asClient
                message.done = publication.done
                message.wantsCounts = publication.wantsCounts
                return broker.publish(message)
            },
            revokeVerdicts: { connection in broker.post(.revokeVerdicts(connection: connection), toHomeOf: connection)
            },
            recheckSubscriptions: { connection in
                broker.post(.revokeVerdicts(connection: connection), toHomeOf: connection)
                broker.post(.recheckSubscriptions, toHomeOf: connection)
            },
            kick: { connection, code in
                broker.post(
                    .kickConnection(connection, reason: ReasonCode(rawValue: code)), toHomeOf: connection)
            },
            kickClientID: { clientID, code in
                broker.post(
                    .kick(clientID: clientID, reason: ReasonCode(rawValue: code), { _ in }),
                    to: broker.homeShard(ofClient: clientID))
            })
        self.broker = broker
    }
}

extension Broker {
    /// The upper byte of a connection's number is its shard; 0 means every connection.
    fileprivate func post(_ command: ShardCommand, toHomeOf connection: UInt64) {
        let shard = Int(connection >> 56)
        if connection == 0 {
            postToAll(command)
        } else if shard < shards.count {
            post(command, to: shard)
        }
    }
}

extension PluginLog {
    fileprivate init(_ log: Log) {
        self.init(
            isEnabled: { log.isOn($0.logLevel, LogEvent.pluginMessage.rawValue) },
            write: { line in
                let message = line.message.isEmpty ? [] : [LogField("message", line.message)]
                log.write(
                    plugin: line.instance, event: line.event, line.level.logLevel,
                    message + line.fields.map { LogField($0.key, $0.value) })
            })
        close = { log.close() }
        isEnabledFor = { level, event, instance in log.isOn(level.logLevel, event, plugin: instance) }
    }
}

extension PluginLogLevel {
    fileprivate var logLevel: LogLevel {
        switch self {
        case .error: .error
        case .warn: .warn
        case .info: .info
        case .debug: .debug
        case .trace: .trace
        }
    }
}
