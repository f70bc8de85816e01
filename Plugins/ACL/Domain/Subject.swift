internal import PluginSDK

/// Whom a decision is about, as bytes borrowed from the caller. A missing user name is empty.
struct Subject: ~Escapable {
    let client: Span<UInt8>
    let user: Span<UInt8>
    /// Groups that came with the log-in; those of the rule file are found by the user.
    let groups: TextList

    @_lifetime(copy client, copy user, copy groups)
    init(client: Span<UInt8>, user: Span<UInt8>, groups: consuming TextList) {
        self.client = client
        self.user = user
        self.groups = groups
    }
}
