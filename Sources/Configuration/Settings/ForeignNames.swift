/// Names people know from mosquitto.conf and emqx.conf, and ours.
enum ForeignNames {
    /// Where a foreign key lives here.
    enum Home: Equatable {
        /// A path of the settings table.
        case setting(String)
        /// A key of a listener.
        case listener(String)
        /// Something else; the text is a whole sentence part: "here ...".
        case words(String)
    }

    static func home(of name: String) -> Home? {
        settings[name].map { .setting($0) } ?? listeners[name].map { .listener($0) } ?? words[name].map { .words($0) }
    }

    private static let settings = [
        "persistence_location": "broker.data_dir",
        "autosave_interval": "broker.store.sync_interval",
        "memory_limit": "broker.limits.max_memory",
        "message_size_limit": "broker.limits.max_payload_size",
        "max_conn_rate": "broker.limits.connect_rate_per_ip",
        "max_inflight_messages": "broker.session.max_inflight",
        "persistent_client_expiration": "broker.session.max_expiry_interval",
        "session_expiry_interval": "broker.session.max_expiry_interval",
        "max_expiry": "broker.session.max_expiry_interval",
        "max_mqueue_len": "broker.session.max_queued_messages",
        "max_qos_allowed": "broker.mqtt.max_qos",
        "topic_alias_max": "broker.mqtt.max_topic_alias",
        "topic_alias_maximum": "broker.mqtt.max_topic_alias",
        "max_keepalive": "broker.mqtt.max_keep_alive",
        "server_keepalive": "broker.mqtt.server_keep_alive",
        "strict_mode": "broker.mqtt.strictness",
        "idle_timeout": "broker.limits.connect_timeout",
        "log_type": "broker.log.level",
        "plugin_dir": "broker.plugin_dirs",
    ]

    private static let listeners = [
        "certfile": "cert",
        "keyfile": "key",
        "cafile": "client_ca",
        "cacertfile": "client_ca",
        "require_certificate": "client_auth",
        "verify": "client_auth",
        "use_identity_as_username": "identity",
        "peer_cert_as_username": "identity",
        "bind": "url",
        "bind_address": "url",
        "port": "url",
        "protocol": "url",
        "socket": "url",
        "websocket": "url",
        "http_dir": "url",
        "tls": "url",
        "enable_authn": "allow_anonymous",
    ]

    private static let words = [
        "listener": "here listeners are a mapping: broker.listeners.NAME.url",
        "password_file": "here it belongs to the auth plugin: "
            + "{ id: auth, config: { sources: [ { password_file: FILE } ] } }",
        "acl_file": "here it belongs to the acl plugin: { id: acl, config: { file: acl.yaml } }",
        "authentication": "here it is the auth plugin: { id: auth, config: ... } in the list 'plugins'",
        "authorization": "here it is the acl plugin: { id: acl, config: ... } in the list 'plugins'",
        "plugin": "here plugins are the list 'plugins' beside 'broker'",
        "auth_plugin": "here plugins are the list 'plugins' beside 'broker'",
        "persistence": "here data_dir decides: a folder, or \"\" for memory only",
        "log_dest": "here the log always goes to stderr",
        "include_dir": "here everything stands in one file",
        "pid_file": "here it is an option: hookline serve --pid-file FILE",
        "per_listener_settings": "here every listener has its own settings: broker.listeners.NAME",
        "sys_interval": "here $SYS topics have no interval to set",
        "upgrade_outgoing_qos": "here a message is never sent at a higher QoS than it was published with",
        "retain_persistence": "here data_dir decides: a folder, or \"\" for memory only",
        "allow_zero_length_clientid": "here MQTT's own rule holds: an empty client id gets a fresh session",
    ]
}
