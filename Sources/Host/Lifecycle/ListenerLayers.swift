import BrokerCore
import Configuration
import MQTTCodec
import PositionedYAML
import Reactor

/// From the configuration of listeners to the layers on their sockets.
enum ListenerLayers {
    /// Layers by name of the listener. Reads every file of TLS; what is wrong with them is said in one go.
    static func make(_ configuration: ServerConfiguration) throws(ConfigurationErrors) -> [String: StreamLayers] {
        var result: [String: StreamLayers] = [:]
        var errors: [ConfigurationError] = []
        for listener in configuration.listeners {
            var layers = StreamLayers()
            layers.proxies = listener.proxies.compactMap { AddressRange($0) }
            if listener.url.scheme.usesWebSocket {
                layers.webSocket = WebSocketSettings(path: listener.url.path, origins: listener.origins)
                layers.webSocket?.isLocal = listener.url.isLocal
                layers.webSocket?.packetLength = PacketLength("mqtt") { packetLength($0) }
            }
            do throws(TLSError) {
                layers.tls = try listener.tls.map { tls throws(TLSError) in
                    try TLSServer(
                        settings(
                            tls, isWebSocket: listener.url.scheme.usesWebSocket, isTest: configuration.isTestMode))
                }
            } catch {
                errors.append(
                    ConfigurationError(.listener(listener.name, .tls(error.description)), at: listener.position))
            }
            result[listener.name] = layers
        }
        guard errors.isEmpty else { throw ConfigurationErrors(errors) }
        return result
    }

    /// The MQTT packet that begins with `bytes`: one the broker made, so it is well formed.
    private static func packetLength(_ bytes: UnsafeRawBufferPointer) -> Int? {
        guard let base = bytes.baseAddress else { return nil }
        switch FrameScan.scan(base, count: bytes.count, maximumPacketSize: .max, minimal: false) {
        case .frame(let length, _): return length
        case .needMore(let total): return total == 0 ? nil : total
        case .malformed: return bytes.count
        }
    }

    private static func settings(_ tls: TLSConfiguration, isWebSocket: Bool, isTest: Bool) -> TLSSettings {
        let pairs = [(tls.certificate, tls.key)] + tls.otherCertificates.map { ($0.certificate, $0.key) }
        var settings = TLSSettings(keyPairs: pairs.map { .init(certificate: $0, key: $1) })
        settings.clientCA = tls.clientCA
        settings.clientCRL = tls.clientCRL
        settings.clientAuthentication =
            switch tls.clientAuthentication {
            case .none: .none
            case .request: .request
            case .require: .require
            }
        settings.identity =
            switch tls.identity {
            case .username, .cn: .commonName
            case .san: .alternativeName
            case .fingerprint: .fingerprint
            }
        settings.minimumVersion = tls.minimumVersion == .v1_3 ? .v1_3 : .v1_2
        settings.ciphers = tls.ciphers ?? settings.ciphers
        settings.cipherSuites = tls.cipherSuites ?? ""
        settings.groups = tls.groups ?? ""
        // What a WebSocket begins as is HTTP.
        settings.applicationProtocols = [isWebSocket ? "http/1.1" : "mqtt"]
        // The variable every tool knows; whoever can set it could also read the memory of a broker under test.
        if isTest { settings.keyLogFile = ProcessEnvironment.current()["SSLKEYLOGFILE"] }
        return settings
    }
}

extension ListenerSettings {
    /// What the core is told of a listener; `mqtt` holds for what the listener does not say.
    init(_ listener: ListenerConfiguration, _ mqtt: BrokerConfiguration.MQTT) {
        self.init(
            name: listener.name, allowAnonymous: listener.allowsAnonymous,
            isLenient: (listener.strictness ?? mqtt.strictness) == .lenient)
        mountPoint = Array(listener.mountPoint.utf8)
        certificateIsLogin = listener.tls.map { $0.identity != .username } ?? false
        if listener.url.scheme.usesTLS { layers.insert(.tls) }
        if listener.url.scheme.usesWebSocket { layers.insert(.webSocket) }
    }
}
