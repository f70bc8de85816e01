import MQTTCodec
import PluginABI
import Testing

@testable import BrokerCore

/// A log-in that a plugin decides later, on a shard that is not the client's home.
@Suite struct PendingLogInTests {
    /// A broker with a plugin that answers every log-in later.
    private func broker(shards: Int, _ handle: UnsafeMutablePointer<hl_self>) -> TestBroker {
        let test = TestBroker(shards: shards)
        let instance = HookInstance(
            number: 1, name: "auth", generation: 1, handle: handle, state: nil, onCancel: nil, submit: { _ in true },
            eventsReady: {})
        let pends: hl_auth_connect_fn = { _, call, _ in
            _ = call?.pointee.api.pointee.pend(call)
            return HL_PENDING
        }
        var interest = HookInterest()
        interest.mayPend = true
        let entry = HookEntry(
            hook: HL_HOOK_AUTH_CONNECT, function: unsafeBitCast(pends, to: hl_hook_fn.self), instance: instance,
            interest: interest)
        test.broker.install(HookTable(generation: 1, entries: [entry]))
        test.settle()
        return test
    }

    @Test func `many answers at once are acted on in several turns, and no answer is left`() {
        let handle = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)
        handle.initialize(to: hl_self())
        defer { handle.deallocate() }
        let test = broker(shards: 1, handle)
        let clients = (0..<500).map { number in
            test.connect("client-\(number)") { $0.userName = Array("alice".utf8) }
        }
        for token in test.broker.shards[0].pendingConnections.keys {
            #expect(test.broker.pendingHooks[0].complete(token, HL_DENY, nil, by: 1) == HL_OK)
        }
        var turns = 0
        repeat {
            let before = clients.count(where: \.isClosed)
            _ = test.turn(0)
            turns += 1
            #expect(clients.count(where: \.isClosed) - before <= 64)
        } while !clients.allSatisfy(\.isClosed) && turns < 100
        #expect(turns > 5 && clients.allSatisfy(\.isClosed))
        test.settle()
        #expect(!test.broker.shards[0].answersGoOn)
    }

    @Test(arguments: ["client-a", "client-b", "client-c", "client-d", "client-e", "client-f"])
    func connectionIsReadAgainWhereverItLives(clientID: String) throws {
        let handle = UnsafeMutablePointer<hl_self>.allocate(capacity: 1)
        handle.initialize(to: hl_self())
        defer { handle.deallocate() }
        let test = broker(shards: 2, handle)

        let client = test.connect(clientID) { $0.userName = Array("alice".utf8) }
        #expect(client.output.isEmpty && client.isPaused, "nothing is read before the answer")
        let token = try #require(test.broker.shards[0].pendingToken)
        #expect(test.broker.pendingHooks[0].complete(token, HL_ALLOW, nil, by: 1) == HL_OK)
        test.settle()
        #expect(client.output.first == 0x20, "CONNACK")
        #expect(!client.isPaused)
        #expect(client.shard == test.broker.homeShard(ofClient: Array(clientID.utf8)))
    }
}

extension Shard {
    fileprivate var pendingToken: hl_token? { pendingConnections.keys.first }
}
