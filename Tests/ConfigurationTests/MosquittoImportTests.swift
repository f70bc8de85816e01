import Configuration
import Testing

@Suite("Import of a mosquitto.conf") struct MosquittoImportTests {
    @Test("carries settings, listeners, TLS and access over")
    func typical() throws {
        let result = MosquittoImport(
            """
            # a server
            per_listener_settings false
            persistence true
            persistence_location /var/lib/mosquitto/
            persistent_client_expiration 2w
            max_inflight_messages 0
            max_queued_messages 500
            message_size_limit 2000000
            log_type warning
            log_type notice
            set_tcp_nodelay true
            password_file /etc/mosquitto/passwd
            acl_file /etc/mosquitto/acl

            listener 1883 127.0.0.1
            allow_anonymous true
            listener 8083
            protocol websockets
            listener 0 /run/mosquitto.sock
            mount_point site/1/
            """)
        let remarks = result.remarks.map(\.description)
        #expect(remarks == ["line 2: per_listener_settings: here passwords and rules are one set for all listeners"])
        let configuration = try load(result.text).configuration
        #expect(configuration.broker.dataDirectory == "/var/lib/mosquitto")
        #expect(configuration.broker.session.maxExpiryInterval == .seconds(14 * 86_400))
        #expect(configuration.broker.session.maxInflight == 65_535)
        #expect(configuration.broker.session.maxQueuedMessages == 500)
        #expect(configuration.broker.limits.maxPayloadSize == 2_000_000)
        #expect(configuration.broker.limits.maxPacketSize > 2_000_000)
        #expect(configuration.broker.log.level == .info)
        let urls = configuration.listeners.map(\.url.description)
        #expect(urls == ["mqtt://127.0.0.1:1883", "ws://0.0.0.0:8083/mqtt", "unix:///run/mosquitto.sock"])
        #expect(configuration.listeners.map(\.allowsAnonymous) == [true, false, false])
        #expect(configuration.listeners.map(\.mountPoint) == ["", "", "site/1/"])
        #expect(configuration.plugins.map(\.id) == ["store-sqlite", "auth", "acl"])
    }

    @Test("carries certificates over")
    func secure() {
        let result = MosquittoImport(
            """
            listener 8883
            cafile /etc/ca.pem
            certfile /etc/server.pem
            keyfile /etc/server.key
            require_certificate true
            use_identity_as_username true
            tls_version tlsv1.3
            """)
        #expect(result.remarks.isEmpty)
        let line =
            "    tls: { url: \"mqtts://0.0.0.0:8883\", client_ca: /etc/ca.pem, cert: /etc/server.pem, "
            + "key: /etc/server.key, client_auth: require, identity: cn, min_version: \"1.3\" }"
        #expect(result.text.split(separator: "\n").contains(Substring(line)))
    }

    @Test("lists with their lines what it cannot carry over")
    func remarks() {
        let result = MosquittoImport(
            """
            listener 1883
            bridge_cafile x
            connection upstream
            plugin /usr/lib/dynsec.so
            use_subject_as_username true
            max_inflight_messages many
            made_up 1
            tls_version tlsv1.1
            """)
        #expect(result.remarks.map(\.line) == [1, 2, 3, 4, 5, 6, 7, 8])
        #expect(result.remarks[0].words.contains("nobody could log in"))
        #expect(result.remarks[6].words == "made_up: no such setting here")
    }

    @Test("gives listeners of one kind names of their own")
    func names() throws {
        let result = MosquittoImport("listener 1 127.0.0.1\nlistener 2 127.0.0.1\nlistener 3 127.0.0.1")
        #expect(try load(result.text).configuration.listeners.map(\.name) == ["tcp", "tcp-2", "tcp-3"])
    }

    @Test("of an empty file is what mosquitto does without one")
    func empty() throws {
        let loaded = try load(MosquittoImport("").text)
        #expect(loaded.configuration.listeners.map(\.url.description) == ["mqtt://localhost:1883"])
        #expect(loaded.configuration.listeners.first?.allowsAnonymous == true)
    }
}
