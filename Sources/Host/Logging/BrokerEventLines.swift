import BrokerCore
import Configuration
import MQTTCodec

/// What the broker core reports, as lines of the log. The only place where one becomes the other.
extension Log {
    /// Writes the line of `event`, if its level is on. [any thread]
    func write(_ event: BrokerEvent) {
        switch event {
        case .connected(let client, _, let version, let cleanStart, let present, let keepAlive):
            write(.clientConnected) {
                client.fields + [
                    .init("addr", client.address), .init("listener", client.listener),
                    .init("proto", version.description), .init("clean", cleanStart), .init("present", present),
                    .init("keepalive", Int(keepAlive)),
                ]
            }
        case .connectRefused(let client, let reason, let cause, let rule):
            write(.clientRefused, .warn, about: client.addressWithoutPort) {
                client.fields + [.init("addr", client.address), .init("listener", client.listener)]
                    + cause.fields + [.init("code", .code(reason.rawValue))] + Self.rule(rule)
            }
        case .disconnected(let client, _, let cause, let reason, let byBroker, let will, let queued, let online):
            write(.clientDisconnected) {
                client.fields + cause.fields + [
                    .init("code", .code(reason.rawValue)), .init("by", byBroker ? "broker" : "client"),
                    .init("will", will.word), .init("queued", queued), .init("online", .duration(online)),
                ]
            }
        case .sessionEnded(let clientID, let expired):
            write(.sessionEnded) { [.init("client", .bytes(clientID)), .init("expired", expired)] }
        case .subscribed(let client, _, let filter, let qos):
            write(.clientSubscribed, .debug) {
                client.fields + [.init("filter", .bytes(filter)), .init("qos", Int(qos))]
            }
        case .unsubscribed(let client, _, let filter):
            write(.clientUnsubscribed, .debug) { client.fields + [.init("filter", .bytes(filter))] }
        case .publishDenied(let client, let topic, let qos, let reason, let rule):
            write(.publishDenied, .warn, about: client.clientID) {
                client.fields + [.init("topic", .bytes(topic)), .init("qos", Int(qos))] + Self.rule(rule)
                    + [.init("answer", .code(reason.rawValue))]
            }
        case .subscribeDenied(let client, let filter, let reason, let rule):
            write(.subscribeDenied, .warn, about: client.clientID) {
                client.fields + [.init("filter", .bytes(filter))] + Self.rule(rule)
                    + [.init("answer", .code(reason.rawValue))]
            }
        case .tolerated(let client, _, let fault, let detail):
            write(.clientTolerated, .warn, about: client.addressWithoutPort) {
                client.fields + [
                    .init("addr", client.address), .init("listener", client.listener), .init("fault", fault.word),
                    .init("detail", detail),
                ]
            }
        case .dropped(let clientID, let topic, let reason):
            write(.messageDropped, .warn, about: clientID) {
                [.init("client", .bytes(clientID)), .init("topic", .bytes(topic)), .init("reason", reason.word)]
            }
        }
    }

    private static func rule(_ rule: String) -> [LogField] { rule.isEmpty ? [] : [.init("rule", rule)] }
}

extension ClientIdentity {
    fileprivate var fields: [LogField] {
        let client = LogField("client", .bytes(clientID))
        return username.isEmpty ? [client] : [client, LogField("user", .bytes(username))]
    }

    /// Whoever is refused chooses names freely, so repeats are counted by address.
    fileprivate var addressWithoutPort: [UInt8] {
        let bytes = Array(address.utf8)
        return bytes.lastIndex(of: UInt8(ascii: ":")).map { Array(bytes[..<$0]) } ?? bytes
    }
}

extension DisconnectCause {
    /// One word for machines, and a sentence where there is more to say.
    fileprivate var fields: [LogField] {
        detail.isEmpty ? [.init("reason", word)] : [.init("reason", word), .init("detail", detail)]
    }
}
