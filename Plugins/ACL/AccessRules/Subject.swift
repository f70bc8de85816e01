package import PluginSDK

/// Whom a decision is about, as bytes borrowed from the caller. What is missing is empty.
package struct Subject: ~Escapable {
    let client: Span<UInt8>
    /// Empty for an anonymous client.
    let user: Span<UInt8>
    let account: Span<UInt8>
    let certificate: Span<UInt8>
    let listener: Span<UInt8>
    /// `nil` when it has none, or when no rule asks.
    let address: IPAddress?
    /// Groups that came with the log-in; those of the rule file are found by the user. `name=value` is a claim.
    let groups: TextList

    @_lifetime(copy client, copy user, copy account, copy certificate, copy listener, copy groups)
    package init(
        client: Span<UInt8>, user: Span<UInt8>, account: Span<UInt8>, certificate: Span<UInt8>,
        listener: Span<UInt8>, address: IPAddress?, groups: consuming TextList
    ) {
        self.client = client
        self.user = user
        self.account = account
        self.certificate = certificate
        self.listener = listener
        self.address = address
        self.groups = groups
    }

    /// A client of the broker.
    /// - Parameter parsesAddress: whether a rule asks for it (`RuleSet.asksForAddresses`).
    @_lifetime(copy client)
    package init(_ client: borrowing Client, parsesAddress: Bool) {
        self.client = client.id
        user = client.userName
        account = client.account
        certificate = client.certificate
        listener = client.listener
        address = parsesAddress ? IPAddress(client.address) : nil
        groups = client.groups
    }

    @_lifetime(copy self)
    func value(of property: Audience.Property) -> Span<UInt8> {
        switch property {
        case .user: user
        case .client: client
        case .certificate: certificate
        case .account: account
        case .listener: listener
        }
    }
}
