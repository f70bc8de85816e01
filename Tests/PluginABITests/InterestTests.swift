import PluginABI
import Testing

@testable import BrokerCore

@Suite struct InterestTests {
    /// Whether a plugin with this interest is called for a message.
    private func isCalled(_ interest: HookInterest, _ msg: hl_msg) -> Bool {
        let fixture = HookFixture()
        let script = Script(HL_ABSTAIN)
        fixture.add(script, HL_HOOK_MSG_IN, interest: interest)
        var msg = msg
        _ = fixture.dispatcher.msgIn(&msg, mask: fixture.dispatcher.interestMask(topic: msg.topic.bytes), now: 0)
        return script.calls == 1
    }

    @Test(
        "topic filters, matched once per topic",
        arguments: [("a/b", true), ("a", true), ("b", false), ("x/y/z", true), ("x/y", false), ("$SYS/x", false)])
    func filters(topic: String, isCalled expected: Bool) {
        #expect(isCalled(.filters("a/#", "x/+/z"), message(topic)) == expected)
    }

    @Test("listeners, origins and QoS narrow the calls")
    func otherInterests() {
        var interest = HookInterest()
        interest.listeners = [Array("tcp".utf8)]
        #expect(isCalled(interest, message("a")))
        interest.listeners = [Array("tls".utf8)]
        #expect(!isCalled(interest, message("a")))
        interest = HookInterest()
        interest.origins = 1 << HL_ORIGIN_BRIDGE
        #expect(!isCalled(interest, message("a")))
        interest = HookInterest()
        interest.qosMask = 1 << 1 | 1 << 2
        #expect(!isCalled(interest, message("a", qos: 0)))
        #expect(isCalled(interest, message("a", qos: 2)))
    }

    @Test("a plugin does not see what it published itself, unless it asks for it")
    func ownPublishes() {
        var own = message("a")
        own.origin = HL_ORIGIN_PLUGIN
        own.instance = 1
        #expect(!isCalled(HookInterest(), own))
        var interest = HookInterest()
        interest.includesOwnPublishes = true
        #expect(isCalled(interest, own))
        own.instance = 2
        #expect(isCalled(HookInterest(), own))
    }

    @Test("more filters than mask bits still work")
    func manyFilters() {
        let fixture = HookFixture()
        let scripts = (0..<70).map { _ in Script(HL_ABSTAIN) }
        for (index, script) in scripts.enumerated() {
            fixture.add(script, HL_HOOK_MSG_IN, interest: .filters("t/\(index)"))
        }
        for topic in ["t/0", "t/63", "t/64", "t/69"] {
            var msg = message(topic)
            _ = fixture.dispatcher.msgIn(&msg, mask: fixture.dispatcher.interestMask(topic: msg.topic.bytes), now: 0)
        }
        #expect(scripts.enumerated().filter { $0.element.calls > 0 }.map(\.offset) == [0, 63, 64, 69])
    }
}
