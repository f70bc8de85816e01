import Testing

@testable import PluginSDK

@Suite struct CallbackListTests {
    private final class Witness: Sendable {}

    @Test("a callback lives until it is removed, and is found behind its pointer")
    func lifetime() throws {
        let list = CallbackList()
        weak var seen: Witness?
        let pointer: UnsafeMutableRawPointer
        do {
            let witness = Witness()
            seen = witness
            pointer = list.add(witness)
        }
        #expect(seen != nil)
        #expect(Callback<Witness>.of(pointer)?.body === seen)
        #expect(Callback<Witness>.of(nil)?.body === nil)
        list.remove(pointer)
        #expect(seen == nil)
    }

    @Test("everything is let go of when the plugin is destroyed")
    func all() {
        let list = CallbackList()
        weak var seen: Witness?
        do {
            let witness = Witness()
            seen = witness
            _ = list.add(witness)
            _ = list.add(witness)
        }
        list.removeAll()
        #expect(seen == nil)
    }
}
