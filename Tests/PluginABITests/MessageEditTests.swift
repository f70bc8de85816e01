import PluginABI
import Testing

@testable import BrokerCore

/// Edits of a part of a message: payload bytes and single properties.
@Suite struct MessageEditTests {
    /// What msg.in makes of a message with these properties, and what each edit was answered.
    private func edit(
        _ properties: [UInt8], payload: String = "payload", hook: UInt32 = HL_HOOK_MSG_IN,
        _ edits: @escaping (UnsafeMutablePointer<hl_call>, hl_call_v1) -> [hl_status]
    ) -> (properties: [UInt8], payload: String, statuses: [hl_status]) {
        let fixture = HookFixture()
        var statuses: [hl_status] = []
        fixture.add(Script(HL_REPLACE) { call, _, _ in statuses = edits(call, call.pointee.api.pointee) }, hook)
        var msg = message("t", payload: payload)
        return properties.withUnsafeBytes { bytes in
            msg.properties = hl_view(bytes)
            guard hook == HL_HOOK_MSG_IN else {
                _ = fixture.dispatcher.aclPublish(&msg, mask: .max, now: 0)
                return ([], "", statuses)
            }
            #expect(fixture.dispatcher.msgIn(&msg, mask: .max, now: 0) == .replaced)
            guard let edited = fixture.dispatcher.lastResult.message?.pointee else { return ([], "", statuses) }
            return (Array(edited.properties.bytes), edited.payload.text, statuses)
        }
    }

    private func user(_ name: String, _ value: String) -> [UInt8] {
        var bytes: [UInt8] = [0x26]
        for text in [name, value] { bytes += [0, UInt8(text.utf8.count)] + Array(text.utf8) }
        return bytes
    }

    private let type: [UInt8] = [0x03, 0, 1, 0x61]

    @Test("a user property is put before another, or at the end")
    func insertUser() {
        let before = user("a", "1") + type + user("b", "2")
        let first = edit(before) { call, api in [api.insert_user_property(call, 0, view("x"), view("y"))] }
        #expect(first.properties == user("x", "y") + before && first.statuses == [HL_OK])
        let middle = edit(before) { call, api in [api.insert_user_property(call, 1, view("x"), view("y"))] }
        #expect(middle.properties == user("a", "1") + type + user("x", "y") + user("b", "2"))
        let last = edit(before) { call, api in [api.insert_user_property(call, 99, view("x"), view("y"))] }
        #expect(last.properties == before + user("x", "y"))
    }

    @Test("properties are removed by id or by name; edits add up")
    func remove() {
        let before = user("a", "1") + type + user("a", "2") + user("b", "3")
        let edited = edit(before) { call, api in
            [
                api.remove_user_property(call, view("a")), api.remove_user_property(call, view("a")),
                api.remove_property(call, HL_PROPERTY_CONTENT_TYPE), api.remove_property(call, 0x08),
            ]
        }
        #expect(edited.properties == user("b", "3") && edited.statuses == [HL_OK, HL_NOT_FOUND, HL_OK, HL_NOT_FOUND])
    }

    @Test("a property is set in its place; one that cannot be forwarded is not")
    func set() {
        var property = hl_property()
        property.id = HL_PROPERTY_CONTENT_TYPE
        property.value = view("b")
        let edited = edit(user("a", "1") + type + user("b", "2")) { [property] call, api in
            var property = property
            let good = api.set_property(call, &property)
            property.id = HL_PROPERTY_TOPIC_ALIAS
            let alias = api.set_property(call, &property)
            property.id = HL_PROPERTY_RESPONSE_TOPIC
            property.value = view("a/#")
            let wildcard = api.set_property(call, &property)
            property.id = HL_PROPERTY_PAYLOAD_FORMAT
            property.number = 1
            return [good, alias, wildcard, api.set_property(call, &property)]
        }
        #expect(edited.properties == user("a", "1") + [0x03, 0, 1, 0x62] + user("b", "2") + [0x01, 1])
        #expect(edited.statuses == [HL_OK, HL_INVALID, HL_INVALID, HL_OK])
    }

    @Test("bytes of the payload are taken out and put in; beyond its end nothing is done")
    func splice() {
        let edited = edit([]) { call, api in
            [
                api.splice_payload(call, 0, 3, view("")), api.splice_payload(call, 4, 0, view("!")),
                api.splice_payload(call, 2, 1, view("--")), api.splice_payload(call, 7, 0, view("x")),
                api.splice_payload(call, 1, .max, view("x")),
            ]
        }
        #expect(edited.payload == "lo--d!" && edited.statuses == [HL_OK, HL_OK, HL_OK, HL_INVALID, HL_INVALID])
    }

    @Test("a hook that edits no message has none of this, and properties that are none are refused")
    func notAllowed() {
        let said = edit([], hook: HL_HOOK_ACL_PUBLISH) { call, api in
            [
                api.splice_payload(call, 0, 0, view("x")), api.remove_property(call, 3),
                api.insert_user_property(call, 0, view("a"), view("b")), api.remove_user_property(call, view("a")),
            ]
        }
        #expect(said.statuses == [HL_NOT_ALLOWED, HL_NOT_ALLOWED, HL_NOT_ALLOWED, HL_NOT_ALLOWED])
        let wrong = edit(type) { call, api in [api.set_properties(call, view("none")), api.set_retain(call, 1)] }
        #expect(wrong.statuses == [HL_INVALID, HL_OK] && wrong.properties == type)
    }
}
