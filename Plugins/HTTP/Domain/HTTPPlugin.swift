internal import Dispatch
internal import Locking
internal import NIOCore
internal import NIOPosix
public import PluginSDK

/// Speaks HTTP for the broker: messages, administration, health, and the routes of other plugins (docs/http.md).
///
/// - It reaches the broker through host services only. Who publishes or subscribes over HTTP is an MQTT client on a
///   connection inside the process (`connection/1`), so that log-in, rules and limits are those of every client.
/// - It has one thread of its own, an event loop, and computes on Swift's shared pool. While nobody asks, nothing runs.
/// - It listens before `start` returns, and announces where.
public final class HTTPPlugin: Plugin {
    private let live: LiveSettings
    private let group: MultiThreadedEventLoopGroup
    private let listening: Listening
    private let api: API

    public override class var description: PluginDescription {
        var description = PluginDescription(
            id: "org.hookline.http", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: HTTPSettings.declared, hooks: [],
            requiredServices: [
                "log/1", "clock/1", "random/1", "timer/1", "watch/1", "executor/1", "client/1", "topic/1", "publish/1",
                "http_server/1", "connection/1",
            ], takesNewSettings: true)
        description.optionalServices = ["administration/1", "metrics/1", "trace/1"]
        return description
    }

    /// Checks the settings and reads the token file.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        let settings = try HTTPSettings(configuration, isEphemeral: host.isEphemeral)
        live = LiveSettings(settings, try Self.open(configuration["tokens"], host))
        group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let loop = group.next()
        let logIns = LogInPool(LogInDoor(host: host, loop: loop, live: live))
        let counters = HTTPCounters(host)
        let subscriptions = EventSubscriptions(host, logIns, loop, live, counters)
        api = API(host, live, logIns, subscriptions, counters)
        listening = Listening(host, api, group)
        try super.init(host: host, configuration: configuration)
    }

    private static func open(
        _ setting: ConfigurationNode, _ host: PluginHost
    ) throws(PluginFailure) -> FollowedFile<TokenTable>? {
        guard !setting.path.isEmpty else { return nil }
        do throws(FileRefusal) {
            return try FollowedFile(setting.path, subject: "http", host: host, absent: [])
        } catch {
            throw .refused(error.faults.map { ConfigurationFault(setting, $0) })
        }
    }

    public override func start() throws(PluginFailure) {
        do throws(PluginFailure) {
            try live.tokens?.follow()
            try listening.begin(live.settings)
        } catch {
            end()
            throw error
        }
    }

    /// Settings that were checked, and not taken into use yet.
    private final class NewSettings {
        let settings: HTTPSettings
        let tokens: FollowedFile<TokenTable>?

        init(_ settings: HTTPSettings, _ tokens: FollowedFile<TokenTable>?) {
            self.settings = settings
            self.tokens = tokens
        }
    }

    public override func prepare(_ configuration: Configuration) throws(PluginFailure) -> AnyObject {
        NewSettings(
            try HTTPSettings(configuration, isEphemeral: host.isEphemeral),
            try Self.open(configuration["tokens"], host))
    }

    public override func commit(_ prepared: AnyObject) {
        guard let new = prepared as? NewSettings else { return }
        let old = live.settings
        do throws(PluginFailure) {
            try new.tokens?.follow()
        } catch {
            host.log(.warning, "http.not_followed", "changes of the token file need a reload: \(error)")
        }
        live.replace(new.settings, new.tokens)
        // Connections are made anew only for what belongs to them.
        if !new.settings.listensLike(old) { listening.change(to: new.settings) }
    }

    public override func drain() {
        api.subscriptions.close()
        listening.drain()
    }

    public override func stop() { end() }

    /// Some seconds at most.
    private func end() {
        api.subscriptions.close()
        listening.stop()
        let logIns = api.logIns
        let loops = group
        let done = DispatchSemaphore(value: 0)
        Task {
            await logIns.close()
            try? await loops.shutdownGracefully()
            done.signal()
        }
        _ = done.wait(timeout: .now() + .seconds(2))
    }
}
