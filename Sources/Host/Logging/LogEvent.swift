/// The vocabulary of the log: every line carries one of these names. docs/logging.md documents each; a test compares.
///
/// A name, once released, keeps its meaning: people write alerts on it.
public enum LogEvent: String, Sendable, Hashable, CaseIterable {
    case brokerStarting = "broker.starting"
    case brokerReady = "broker.ready"
    case brokerDraining = "broker.draining"
    case brokerStopped = "broker.stopped"
    case brokerFailed = "broker.failed"

    case memoryShort = "memory.short"
    case memoryEnough = "memory.enough"

    case storeOpened = "store.opened"
    case storeReading = "store.reading"
    case storeDamaged = "store.damaged"
    case storeFailed = "store.failed"
    case storeRecovered = "store.recovered"
    case storeReport = "store.report"

    case configReloaded = "config.reloaded"
    case configReloadRefused = "config.reload_refused"
    case configNeedsRestart = "config.needs_restart"
    case configWarning = "config.warning"

    case listenerOpened = "listener.opened"
    case listenerClosed = "listener.closed"
    case listenerFailed = "listener.failed"
    case tlsReloaded = "tls.reloaded"
    case tlsReloadRefused = "tls.reload_refused"
    case handshakeFailed = "client.handshake_failed"

    case clientConnected = "client.connected"
    case clientRefused = "client.refused"
    case clientDisconnected = "client.disconnected"
    case clientTolerated = "client.tolerated"
    case clientSubscribed = "client.subscribed"
    case clientUnsubscribed = "client.unsubscribed"
    case sessionEnded = "session.ended"

    case publishDenied = "authz.publish_denied"
    case subscribeDenied = "authz.subscribe_denied"
    case messageDropped = "message.dropped"

    case pluginStarted = "plugin.started"
    case pluginReloaded = "plugin.reloaded"
    case pluginReloadRefused = "plugin.reload_refused"
    case pluginReconfigured = "plugin.reconfigured"
    case pluginColdStart = "plugin.cold_start"
    case pluginStopped = "plugin.stopped"
    case pluginStuck = "plugin.stuck"
    case pluginHealth = "plugin.health"
    case pluginHookNotOffered = "plugin.hook_not_offered"
    case pluginPublishLoop = "plugin.publish_loop"
    case pluginNoNote = "plugin.no_note"
    case pluginStore = "plugin.kv"
    case pluginWrongThread = "plugin.wrong_thread"
    case pluginMessage = "plugin.message"

    case controlRefused = "control.refused"
    case logDropped = "log.dropped"
}
