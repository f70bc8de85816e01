import PluginABI
import PluginSDK

@testable import AccessRules

/// A client as a test of rules names it.
struct AskedClient: CustomStringConvertible {
    var client = "c1"
    var user = ""
    var account = ""
    var certificate = ""
    var listener = "tcp"
    var address = "127.0.0.1:50000"
    var groups: [String] = []

    var description: String {
        "'\(client)'/'\(user)' of '\(account)', \(groups), '\(certificate)', \(listener), \(address)"
    }
}

extension RuleSet {
    func decision(
        _ action: Action, _ name: String, by asked: AskedClient, _ traits: MessageTraits = MessageTraits(qos: 0)
    ) -> Decision {
        let (name, id, user) = (Array(name.utf8), Array(asked.client.utf8), Array(asked.user.utf8))
        let (account, certificate) = (Array(asked.account.utf8), Array(asked.certificate.utf8))
        let (listener, address) = (Array(asked.listener.utf8), Array(asked.address.utf8))
        let names = asked.groups.map { Array($0.utf8) }
        let copies = names.map { name in
            let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(name.count, 1))
            copy.initialize(from: name, count: name.count)
            return hl_view(ptr: copy, len: UInt64(name.count))
        }
        defer { for view in copies { view.ptr.deallocate() } }
        return copies.withUnsafeBufferPointer { views in
            decide(
                action, name.span, traits,
                by: Subject(
                    client: id.span, user: user.span, account: account.span, certificate: certificate.span,
                    listener: listener.span, address: asksForAddresses ? IPAddress(address.span) : nil,
                    groups: TextList(views)))
        }
    }

    func decision(
        _ action: Action, _ name: String, client: String, user: String, groups: [String] = []
    ) -> Decision {
        decision(action, name, by: AskedClient(client: client, user: user, groups: groups))
    }
}
