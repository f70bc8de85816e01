import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import ACLPlugin

/// The plugin through its C hooks, with a file that changes under it.
@Suite struct ReloadTests {
    private static let export = PluginExport(ACLPlugin.self) { ACLPlugin.start($0, $1, $2) }

    private let file: ScratchFile
    private let host: FakeHost

    init() {
        file = ScratchFile("acl.yaml", "rules:\n  - { user: alice, publish: \"a/#\", subscribe: \"a/#\" }\n")
        host = FakeHost(settings: ["file": .scalar(file.path)])
        host.wallTime = (10 * 3600 + 2 * 60 + 11) * 1_000_000_000
    }

    @Test func decisionsNameTheirRuleAndMayBeCached() {
        #expect(host.start(Self.export) == HL_OK)
        let alice = FakeClient("c1", user: "alice")
        let allowed = host.publish("a/b", by: alice)
        #expect(allowed.isAllowed && allowed.rule == "acl.yaml:2" && allowed.cacheScope == HL_CACHE_CLIENT_TOPIC)
        let denied = host.publish("b", by: alice)
        #expect(denied.isDenied && denied.rule == "acl.yaml:default")
        let subscribed = host.subscribe("a/+", by: alice)
        #expect(subscribed.isAllowed && subscribed.cacheScope == HL_CACHE_CLIENT_FILTER)
    }

    @Test func eachReceiverIsDecidedForItself() {
        file.write(
            """
            rules:
              - { user: [alice, bob], subscribe: "#" }
              - { user: bob, deny: subscribe, topic: "secret/#" }
            """)
        #expect(host.start(Self.export) == HL_OK)
        let receivers = [FakeClient("1", user: "alice"), FakeClient("2", user: "bob"), FakeClient("3")]
        let secret = host.deliver("secret/x", to: receivers)
        #expect(secret.allowed == 0b001 && secret.denied == 0b110 && secret.rule == "acl.yaml:3")
        #expect(host.deliver("open", to: receivers).allowed == 0b011)
        // A subscription that a denied filter only overlaps stands; the deliveries are cut down instead.
        #expect(host.subscribe("#", by: receivers[1]).isAllowed)
    }

    @Test func validEditDecidesTheNextCallAndRechecksLiveSubscriptions() {
        #expect(host.start(Self.export) == HL_OK)
        #expect(host.watchedPaths == [file.path])
        let alice = FakeClient("c1", user: "alice")
        #expect(host.publish("a/b", by: alice).isAllowed)
        file.write("rules:\n  - { user: alice, publish: b }\n")
        host.fileMayHaveChanged()
        #expect(host.publish("a/b", by: alice).isDenied)
        #expect(host.publish("b", by: alice).isAllowed)
        #expect(host.recheckCount == 1)
        #expect(host.log.map(\.event) == ["acl.reloaded"])
        #expect(host.log.first?.message == "1 rule in force")
    }

    @Test func eventWithoutAChangeIsNoReload() {
        #expect(host.start(Self.export) == HL_OK)
        host.fileMayHaveChanged()
        #expect(host.recheckCount == 0 && host.log.isEmpty)
    }

    @Test func invalidEditKeepsTheRulesAndNamesThePlace() {
        #expect(host.start(Self.export) == HL_OK)
        file.write("rules:\n  - { user: alice, publish: \"sensors/#/temp\" }\n")
        host.fileMayHaveChanged()
        host.fileMayHaveChanged()
        #expect(host.publish("a/b", by: FakeClient("c1", user: "alice")).isAllowed)
        #expect(host.recheckCount == 0)
        #expect(host.log.map(\.level) == [.error], "told once, not at each event")
        #expect(
            host.log.first?.message == "acl.yaml:2:29: filter 'sensors/#/temp': '#' must be the last level "
                + "[MQTT-4.7.1-1]; the 1 rule loaded at 10:02:11 stays in force")
        #expect(host.health == [HL_HEALTH_DEGRADED])

        file.write("rules:\n  - { publish: \"#\" }\n")
        host.fileMayHaveChanged()
        #expect(host.publish("z", by: FakeClient("c1")).isAllowed)
        #expect(host.health == [HL_HEALTH_DEGRADED, HL_HEALTH_READY])
    }

    @Test(arguments: ["", "rules", "default: allow\n", "rules:\n  - {"])
    func fileCaughtHalfWrittenChangesNothing(text: String) {
        #expect(host.start(Self.export) == HL_OK)
        file.write(text)
        host.fileMayHaveChanged()
        #expect(host.publish("a/b", by: FakeClient("c1", user: "alice")).isAllowed)
        #expect(host.publish("b", by: FakeClient("c1", user: "alice")).isDenied)
    }

    @Test func missingFileKeepsTheRulesUntilItIsBack() {
        #expect(host.start(Self.export) == HL_OK)
        file.remove()
        host.fileMayHaveChanged()
        #expect(host.publish("a/b", by: FakeClient("c1", user: "alice")).isAllowed)
        #expect(host.log.first?.message.contains("no such file or directory; the 1 rule loaded") == true)
        file.write("rules: []")
        host.fileMayHaveChanged()
        #expect(host.publish("a/b", by: FakeClient("c1", user: "alice")).isDenied)
    }

    @Test func invalidFileAtStartIsAFaultOfTheSettings() {
        file.write("rules:\n  - { publish: \"a#\" }\n  - { colour: red }\n")
        #expect(host.start(Self.export) == HL_REFUSED)
        #expect(host.refusals.map { $0.prefix(13) } == ["acl.yaml:2:16", "acl.yaml:3:7:"])
    }

    @Test func missingFileAtStartIsAFaultOfTheSettings() {
        file.remove()
        #expect(host.start(Self.export) == HL_REFUSED)
        #expect(host.refusals == ["cannot read \(file.path): no such file or directory"])
    }
}
