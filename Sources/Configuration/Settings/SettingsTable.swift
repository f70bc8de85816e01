/// The one table of settings of section `broker`. Reading the file, unknown-key errors, environment names, `--set`,
/// `config default`, `config show` and docs/configuration.md all come from here.
///
/// A key stands here as available only when the broker does what it says; a test in the host changes each.
public enum SettingsTable {
    /// Every key, in the order of the documentation.
    public static let all: [Setting] =
        general + limits + tcp + session + mqtt + store + operation + reload + containment

    /// The row of a path such as `broker.limits.max_packet_size`.
    public static func setting(at path: String) -> Setting? { byPath[path] }

    /// Sections such as `broker.limits`; `broker.listeners` has its own rules and is not among them.
    static let sections: Set<String> = Set(all.map(\.section))

    private static let byPath = Dictionary(all.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })

    /// Largest remaining length plus fixed header [MQTT-3.1.2-24].
    private static let largestPacket = 268_435_455 + 5

    private static let general: [Setting] = [
        .directory(
            "broker.data_dir", \.dataDirectory,
            "Folder for what the broker keeps; \"\" keeps everything in memory."),
        .integer(
            "broker.threads", \.threads, 0...256,
            "Event loops; 0 = one per CPU of the affinity mask and the cgroup."),
        .directories(
            "broker.plugin_dirs", \.pluginDirectories,
            "Folders searched for plugins, before the one of the executable."),
        .boolean(
            "broker.require_pins", \.requiresPins,
            "Every plugin's entry needs a sha256; owners, modes and folders of files are enforced."),
    ]

    private static let limits: [Setting] = [
        .integer(
            "broker.limits.max_connections", \.limits.maxConnections, 1...10_000_000,
            "Connections at the same time, all listeners together."),
        .size(
            "broker.limits.max_memory", \.limits.maxMemory, 0...(1 << 50),
            "Resident memory; over it nobody new comes in, queues and retained messages count as full. 0B = no bound."),
        .size(
            "broker.limits.max_packet_size", \.limits.maxPacketSize, 256...largestPacket,
            "Largest MQTT packet; MQTT 5 clients are told it."),
        .size(
            "broker.limits.max_connect_size", \.limits.maxConnectSize, 256...largestPacket,
            "Largest packet of a client that has not logged in yet; over it CONNACK 0x95 (5.0) or close (3.1.1)."),
        .size(
            "broker.limits.max_payload_size", \.limits.maxPayloadSize, 0...largestPacket,
            "Largest payload of one PUBLISH; over it DISCONNECT 0x95 (5.0) or close (3.1.1)."),
        .rate(
            "broker.limits.connect_rate_per_ip", \.limits.connectRatePerIP,
            "New connections from one address; those over it wait, in their order."),
        .integer(
            "broker.limits.connect_queue", \.limits.connectQueue, 0...1_000_000,
            "Connections that may wait for that; more are refused."),
        .duration(
            "broker.limits.connect_queue_timeout", \.limits.connectQueueTimeout, .zero...(.seconds(3_600)),
            "Longest wait; a connection that would wait longer is refused at once."),
        .duration(
            "broker.limits.connect_timeout", \.limits.connectTimeout, .milliseconds(100)...(.seconds(3_600)),
            "Time from accepting a connection to its complete CONNECT."),
        .integer(
            "broker.limits.max_subscriptions", \.limits.maxSubscriptions, 1...10_000_000,
            "Subscriptions of one session; over it SUBACK 0x97 (5.0) or 0x80 (3.1.1)."),
        .integer(
            "broker.limits.max_topic_levels", \.limits.maxTopicLevels, 1...65_535,
            "Levels of a topic name or filter."),
        .integer(
            "broker.limits.max_topic_length", \.limits.maxTopicLength, 1...65_535,
            "Bytes of a topic name or filter."),
        .integer(
            "broker.limits.max_sessions", \.limits.maxSessions, 1...100_000_000,
            "Sessions of the whole broker, connected or not; over it CONNACK 0x97 (5.0) or 3 (3.1.1)."),
        .rate(
            "broker.limits.max_message_rate", \.limits.maxMessageRate,
            "Messages one client may publish."),
        .rate(
            "broker.limits.max_byte_rate", \.limits.maxByteRate,
            "Bytes of PUBLISH packets one client may send."),
        .duration(
            "broker.limits.rate_burst", \.limits.rateBurst, .zero...(.seconds(3_600)),
            "Of those two rates: how long a silence may be made up for at once."),
        .choice(
            "broker.limits.on_rate_exceeded", \.limits.onRateExceeded,
            "A client that is faster: do not read it for a while, drop (0x97 from QoS 1 on), or disconnect (0x96)."),
        .integer(
            "broker.limits.max_retained_messages", \.limits.maxRetainedMessages, 0...100_000_000,
            "Retained messages of the whole broker."),
        .size(
            "broker.limits.max_retained_bytes", \.limits.maxRetainedBytes, 0...(1 << 40),
            "Bytes of all retained messages."),
        .size(
            "broker.limits.max_output_bytes", \.limits.maxOutputBytes, (64 << 10)...(1 << 34),
            "Bytes waiting for one connection's socket before QoS 0 messages to it are dropped and counted."),
    ]

    private static let tcp: [Setting] = [
        .boolean("broker.tcp.no_delay", \.tcp.noDelay, "Small packets leave at once."),
        .integer(
            "broker.tcp.backlog", \.tcp.backlog, 1...1_000_000,
            "Connections the kernel keeps until they are accepted; it bounds this by net.core.somaxconn."),
        .duration(
            "broker.tcp.keep_alive", \.tcp.keepAlive, .zero...(.seconds(32_767)), wholeSeconds: true,
            "Silence after which the kernel probes whether a client is there; 0s = never."),
        .duration(
            "broker.tcp.user_timeout", \.tcp.userTimeout, .zero...(.seconds(86_400)),
            "How long sent bytes may stay unacknowledged; 0s = the system's default."),
    ]

    private static let session: [Setting] = [
        .duration(
            "broker.session.max_expiry_interval", \.session.maxExpiryInterval, .zero...(.seconds(36_500 * 86_400)),
            wholeSeconds: true, "Cap on the session expiry interval a client asks for."),
        .integer(
            "broker.session.max_inflight", \.session.maxInflight, 1...65_535,
            "QoS 1 and 2 messages on their way to one client without its acknowledgement."),
        .integer(
            "broker.session.max_queued_messages", \.session.maxQueuedMessages, 0...100_000_000,
            "Messages waiting for one session behind those in flight."),
        .size(
            "broker.session.max_queued_bytes", \.session.maxQueuedBytes, 0...(1 << 40),
            "Bytes waiting for one session."),
        .choice(
            "broker.session.on_queue_full", \.session.onQueueFull,
            "At those two bounds: count and hand to the dead letters, refuse the publisher (0x97), or pause it."),
        .choice(
            "broker.session.duplicate_client_id", \.session.duplicateClientID,
            "A connected client id connects again: close the old connection, or refuse the new one."),
    ]

    private static let mqtt: [Setting] = [
        .integer("broker.mqtt.max_qos", \.mqtt.maxQoS, 0...2, "Highest QoS clients may use."),
        .boolean(
            "broker.mqtt.retain_available", \.mqtt.retainAvailable, "Whether retained messages are supported."),
        .integer(
            "broker.mqtt.receive_maximum", \.mqtt.receiveMaximum, 1...65_535,
            "QoS 1 and 2 messages an MQTT 5 client may send without acknowledgement."),
        .integer(
            "broker.mqtt.max_topic_alias", \.mqtt.maxTopicAlias, 0...65_535,
            "Topic aliases per connection and direction; 0 = none."),
        .duration(
            "broker.mqtt.max_keep_alive", \.mqtt.maxKeepAlive, .zero...(.seconds(65_535)), wholeSeconds: true,
            "Longest keep alive a client may use (0s = no cap); MQTT 5 clients are told."),
        .duration(
            "broker.mqtt.server_keep_alive", \.mqtt.serverKeepAlive, .zero...(.seconds(65_535)), wholeSeconds: true,
            "Keep alive for every client instead of its own (0s = off)."),
        .choice(
            "broker.mqtt.strictness", \.mqtt.strictness,
            "Packets that break the specification: end the connection, or forgive what strictness.md lists."),
    ]

    private static let store: [Setting] = [
        .choice(
            "broker.store.sync", \.store.sync,
            "Acknowledged means: on the disk, on the disk within sync_interval, or with the operating system."),
        .duration(
            "broker.store.sync_interval", \.store.interval, .milliseconds(1)...(.seconds(3_600)),
            "With sync: interval, what a loss of power may cost at most."),
    ]

    private static let operation: [Setting] = [
        .duration(
            "broker.shutdown.drain", \.shutdown.drain, .zero...(.seconds(3_600)),
            "How long a stop waits for clients to take what is on its way."),
        .choice("broker.log.level", \.log.level, "Lines below this level are not written."),
        .levels("broker.log.levels", \.log.levels, "Levels of single parts of the log (docs/logging.md)."),
        .choice("broker.log.format", \.log.format, "How log lines look."),
    ]

    private static let reload: [Setting] = [
        .boolean(
            "broker.reload.auto", \.reload.isAutomatic,
            "Apply a changed plugins.yaml and swap in changed plugins without being asked."),
        .duration(
            "broker.reload.debounce", \.reload.debounce, .zero...(.seconds(3_600)),
            "How long a file must have been left alone before it is looked at."),
        .duration(
            "broker.reload.probation", \.reload.probation, .zero...(.seconds(86_400)),
            "How long new code is on trial with the old code warm behind it; 0s = not at all."),
        .choice(
            "broker.reload.preflight", \.reload.preflight,
            "What new code has to survive in a process of its own first."),
        .duration(
            "broker.reload.preflight_timeout", \.reload.preflightTimeout, .milliseconds(100)...(.seconds(600)),
            "How long that may take."),
    ]

    private static let containment: [Setting] = [
        .duration(
            "broker.containment.hang_report", \.containment.hangReport, .zero...(.seconds(3_600)),
            "A call of a plugin that takes this long is logged with its stack; 0s = never."),
        .duration(
            "broker.containment.hang_stuck", \.containment.hangStuck, .zero...(.seconds(3_600)),
            "From then on nobody else waits for the plugin: its failure verdicts hold; 0s = never."),
        .duration(
            "broker.containment.hang_abort", \.containment.hangAbort, .zero...(.seconds(86_400)),
            "An event loop that a plugin holds this long ends the process with its blame; 0s = never."),
        .integer(
            "broker.containment.crashes", \.containment.crashes, 0...1_000,
            "Crashes by one file within crash_window after which it is not loaded any more; 0 = never."),
        .duration(
            "broker.containment.crash_window", \.containment.crashWindow, .seconds(1)...(.seconds(31_536_000)),
            "See crashes."),
        .integer(
            "broker.containment.breaker_failures", \.containment.breakerFailures, 0...1_000_000,
            "A hook of which so many calls in a row fail on an event loop is left out for breaker_pause; 0 = never."),
        .duration(
            "broker.containment.breaker_pause", \.containment.breakerPause, .milliseconds(1)...(.seconds(3_600)),
            "See breaker_failures."),
    ]
}
