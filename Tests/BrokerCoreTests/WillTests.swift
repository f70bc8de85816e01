import MQTTCodec
import Testing

@testable import BrokerCore

/// Will messages [MQTT-3.1.2-8].
@Suite struct WillTests {
    /// A watcher of `w` and a client whose will goes there.
    private func scene(
        _ setting: Setting = Setting(version: .v5_0, shards: 1), expiry: UInt32 = 0, delay: UInt32 = 0,
        _ configure: (inout MQTTCodec.Will) -> Void = { _ in }
    ) -> (test: TestBroker, watcher: TestClient, client: TestClient) {
        let test = TestBroker(shards: setting.shards)
        let watcher = test.connect("watcher", home: 0)
        watcher.subscribe("w", qos: 2)
        _ = watcher.received()
        let client = connect(test, setting.version, expiry: expiry, delay: delay, configure)
        return (test, watcher, client)
    }

    private func connect(
        _ test: TestBroker, _ version: ProtocolVersion = .v5_0, expiry: UInt32 = 0, delay: UInt32 = 0,
        cleanStart: Bool = false, _ configure: (inout MQTTCodec.Will) -> Void = { _ in }
    ) -> TestClient {
        test.connect("c", version, home: 1, cleanStart: cleanStart, expiry: expiry) {
            var will = MQTTCodec.Will(topic: Array("w".utf8), payload: Array("gone".utf8), qos: 1)
            if delay > 0 { will.properties.willDelayInterval = delay }
            configure(&will)
            $0.will = will
        }
    }

    @Test("A lost connection publishes the will, once", arguments: Setting.all)
    func lostConnection(_ setting: Setting) {
        let (test, watcher, client) = scene(setting)
        client.drop()
        let messages = watcher.messages()
        #expect(messages.map(\.text) == ["gone"] && messages.first?.qos == 1)
        test.advance(seconds: 1000)
        #expect(watcher.messages().isEmpty)
        #expect(test.willOutcomes == [.published])
    }

    @Test("A normal DISCONNECT discards the will [MQTT-3.1.2-10]", arguments: Setting.all)
    func normalDisconnect(_ setting: Setting) {
        let (test, watcher, client) = scene(setting, expiry: 100)
        client.disconnect()
        test.advance(seconds: 1000)
        #expect(watcher.messages().isEmpty)
        #expect(test.willOutcomes == [.discarded])
    }

    @Test(
        "DISCONNECT with any other code publishes it [MQTT-3.1.2-8]",
        arguments: [ReasonCode.disconnectWithWill, .unspecifiedError, .protocolError])
    func disconnectWithWill(reason: ReasonCode) {
        let (_, watcher, client) = scene()
        client.disconnect(reason)
        #expect(watcher.payloads() == ["gone"])
    }

    @Test("The broker's own reasons to close publish it", arguments: ["keep-alive", "protocol error", "kick"])
    func closedByTheBroker(why: String) {
        let test = TestBroker(shards: 2)
        let watcher = test.connect("watcher")
        watcher.subscribe("w")
        _ = watcher.received()
        let client = test.connect("c", home: 1) {
            $0.keepAlive = 10
            $0.will = .init(topic: Array("w".utf8), payload: [0x31])
        }
        switch why {
        case "keep-alive": test.advance(seconds: 16)
        case "protocol error": client.send(bytes: [0xF0, 0])
        default:
            test.tell(.kick(clientID: Array(test.clientID("c", home: 1).utf8), reason: .administrativeAction) { _ in })
        }
        #expect(client.isClosed)
        #expect(watcher.payloads() == ["1"])
    }

    @Test("The will waits for its delay [MQTT-3.1.3-9]", arguments: [1, 2])
    func delay(shards: Int) {
        let (test, watcher, client) = scene(Setting(version: .v5_0, shards: shards), expiry: 100, delay: 10)
        client.drop()
        test.advance(seconds: 9.9)
        #expect(watcher.messages().isEmpty)
        test.advance(seconds: 0.2)
        #expect(watcher.payloads() == ["gone"])
        test.advance(seconds: 200)
        #expect(watcher.messages().isEmpty)
        #expect(test.willOutcomes == [.delayed])
    }

    @Test("A session resumed within the delay keeps the will back [MQTT-3.1.3-9]", arguments: [1, 2])
    func resumed(shards: Int) {
        let (test, watcher, client) = scene(Setting(version: .v5_0, shards: shards), expiry: 100, delay: 10)
        client.drop()
        test.advance(seconds: 5)
        let again = test.connect("c", home: 1, cleanStart: false, expiry: 100)
        #expect(again.connack()?.sessionPresent == true)
        test.advance(seconds: 50)
        #expect(watcher.messages().isEmpty)
        // The new connection has no will of its own.
        again.drop()
        test.advance(seconds: 500)
        #expect(watcher.messages().isEmpty)
    }

    @Test("The end of the session publishes the will before its delay [MQTT-3.1.2-8]", arguments: [1, 2])
    func sessionEndsFirst(shards: Int) {
        let (test, watcher, client) = scene(Setting(version: .v5_0, shards: shards), expiry: 10, delay: 1000)
        client.drop()
        test.advance(seconds: 9)
        #expect(watcher.messages().isEmpty)
        test.advance(seconds: 1.1)
        #expect(watcher.payloads() == ["gone"])
    }

    @Test("A session without expiry ends with its connection: the delay does not count")
    func noSessionNoDelay() {
        let (_, watcher, client) = scene(expiry: 0, delay: 1000)
        client.drop()
        #expect(watcher.payloads() == ["gone"])
    }

    @Test("A clean start ends the old session and publishes its waiting will", arguments: [1, 2])
    func cleanStart(shards: Int) {
        let (test, watcher, client) = scene(Setting(version: .v5_0, shards: shards), expiry: 100, delay: 50)
        client.drop()
        _ = connect(test, expiry: 100, delay: 50, cleanStart: true)
        #expect(watcher.payloads() == ["gone"])
    }

    @Test("A take-over publishes a will without delay and keeps a delayed one back", arguments: [1, 2])
    func takeOver(shards: Int) {
        for (delay, expected) in [(UInt32(0), ["gone"]), (10, [])] {
            let (test, watcher, _) = scene(Setting(version: .v5_0, shards: shards), expiry: 100, delay: delay)
            _ = test.connect("c", home: 1, cleanStart: false, expiry: 100)
            test.advance(seconds: 60)
            #expect(watcher.payloads() == expected)
        }
    }

    @Test("A retained will is retained, another one is not [MQTT-3.1.2-14][MQTT-3.1.2-15]", arguments: [false, true])
    func retained(retain: Bool) {
        let (test, watcher, client) = scene { $0.retain = retain }
        client.drop()
        #expect(watcher.messages().map(\.retain) == [false])
        let late = test.connect("late")
        late.subscribe("w")
        #expect(late.messages().map(\.retain) == (retain ? [true] : []))
    }

    @Test("A will carries its properties, and its expiry counts from publication")
    func properties() throws {
        let (test, watcher, client) = scene(expiry: 1000, delay: 100) {
            $0.properties.contentType = Array("text/plain".utf8)
            $0.properties.responseTopic = Array("r".utf8)
            $0.properties.correlationData = [1, 2]
            $0.properties.payloadFormatIndicator = 1
            $0.properties.userProperties = [UserProperty("a", "1"), UserProperty("a", "2")]
            $0.properties.messageExpiryInterval = 30
        }
        client.drop()
        test.advance(seconds: 101)
        let message = try #require(watcher.messages().first)
        #expect(message.properties.contentType == Array("text/plain".utf8))
        #expect(message.properties.responseTopic == Array("r".utf8))
        #expect(message.properties.correlationData == [1, 2])
        #expect(message.properties.payloadFormatIndicator == 1)
        #expect(message.properties.userProperties == [UserProperty("a", "1"), UserProperty("a", "2")])
        #expect(message.properties.willDelayInterval == nil)
        #expect((1...30).contains(message.properties.messageExpiryInterval ?? 0))
    }

    @Test("Each connection brings its own will or none [MQTT-3.1.2-8]")
    func replaced() {
        let (test, watcher, client) = scene(expiry: 100)
        client.drop()
        _ = watcher.messages()
        let second = connect(test, expiry: 100) { $0.payload = Array("second".utf8) }
        second.drop()
        #expect(watcher.payloads() == ["second"])
    }
}
