import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import ACLPlugin

/// Rules on trial: reported, never in force.
@Suite struct ShadowTests {
    private static let export = PluginExport(ACLPlugin.self) { ACLPlugin.start($0, $1, $2) }

    private let file = ScratchFile("acl.yaml", "rules:\n  - { user: alice, publish: \"a/#\", subscribe: \"#\" }\n")
    private let next = ScratchFile("next.acl.yaml", "rules:\n  - { user: [alice, bob], publish: \"a/b\" }\n")

    private func start() throws -> FakeHost {
        let host = FakeHost(settings: ["file": .scalar(file.path), "shadow": .scalar(next.path)])
        try #require(host.start(Self.export) == HL_OK)
        return host
    }

    @Test func differencesAreToldOncePerPairOfRulesAndChangeNothing() throws {
        let host = try start()
        let (alice, bob) = (FakeClient("c1", user: "alice"), FakeClient("c2", user: "bob"))
        #expect(host.publish("a/b", by: alice).isAllowed)
        #expect(host.log.isEmpty, "both files agree")
        #expect(host.publish("a/x", by: alice).isAllowed)
        #expect(host.publish("a/y", by: alice).isAllowed)
        #expect(host.publish("a/b", by: bob).isDenied)
        #expect(host.subscribe("#", by: alice).isAllowed)
        #expect(host.deliver("z", to: [alice]).allowed == 1)
        #expect(host.log.map(\.event) == Array(repeating: "acl.shadow_differs", count: 4))
        #expect(
            host.log.map(\.message) == [
                "next.acl.yaml:default would have it denied; acl.yaml:2 has it allowed",
                "next.acl.yaml:2 would have it allowed; acl.yaml:default has it denied",
                "next.acl.yaml:default would have it denied; acl.yaml:2 has it allowed",
                "next.acl.yaml:default would have it denied; acl.yaml:2 has it allowed",
            ])
        #expect(host.log[0].fields == ["action": "publish", "topic": "a/x", "client": "c1", "user": "alice"])
    }

    @Test func editedShadowSeesTheTrafficThatIsRemembered() throws {
        let host = try start()
        next.write("rules: []\n")
        host.fileMayHaveChanged()
        #expect(host.revokeCount == 1 && host.recheckCount == 0)
    }

    @Test func shadowThatWasPromotedIsNoFault() throws {
        let host = try start()
        next.remove()
        host.fileMayHaveChanged()
        #expect(host.publish("a/x", by: FakeClient("c1", user: "alice")).isAllowed)
        #expect(!host.log.contains { $0.level == .error || $0.event == "acl.shadow_differs" })
        let again = FakeHost(settings: ["file": .scalar(file.path), "shadow": .scalar(next.path)])
        #expect(again.start(Self.export) == HL_OK)
    }

    @Test func brokenShadowIsAFaultAtStart() {
        next.write("rules: 5\n")
        let host = FakeHost(settings: ["file": .scalar(file.path), "shadow": .scalar(next.path)])
        #expect(host.start(Self.export) == HL_REFUSED)
        #expect(host.refusals.first?.hasPrefix("next.acl.yaml:1:8: rules is a list") == true)
    }

    @Test func clientThatLosesASubscriptionIsDisconnectedIfAskedFor() throws {
        for (setting, expected) in [("unsubscribe", [] as [UInt64]), ("disconnect", [77])] {
            let host = FakeHost(settings: ["file": .scalar(file.path), "on_lost_permission": .scalar(setting)])
            try #require(host.start(Self.export) == HL_OK)
            var bob = FakeClient("c2", user: "bob")
            bob.connection = 77
            #expect(host.subscribe("x", by: bob).isDenied)
            #expect(host.kicked.isEmpty, "a packet that is refused is answered by its SUBACK")
            #expect(host.subscribe("x", by: bob, isRecheck: true).isDenied)
            #expect(host.kicked == expected)
        }
        let host = FakeHost(settings: ["file": .scalar(file.path), "on_lost_permission": "explode"])
        #expect(host.start(Self.export) == HL_REFUSED)
    }
}
