public import PluginSDK

/// Lets clients in that bring a user name and password of one of the password files (docs/auth.md).
///
/// - A client without credentials is none of its business: the listener's `allow_anonymous` decides.
/// - Credentials are right or the client is refused, also where anonymous clients are welcome.
/// - Hashing takes some 100 ms on purpose, so it happens on a worker thread; the event loop goes on.
public final class AuthPlugin: Plugin {
    private let sources: [FollowedFile<UserTable>]
    private let abandoned = AbandonedLogIns()

    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.auth", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: [
                .required(
                    "sources", .list, help: "where users are looked up, in this order: [ { password_file: PATH } ]")
            ],
            hooks: [.authConnect], requiredServices: ["log/1", "watch/1", "executor/1", "clock/1"])
    }

    /// Reads the password files, which must be valid to begin with.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        sources = try AuthSources.open(configuration, host: host)
        try super.init(host: host, configuration: configuration)
    }

    public override func start() throws(PluginFailure) {
        try host.register(.authConnect)
        for source in sources { try source.follow() }
    }

    public override func cancelled(token: UInt64) { abandoned.add(token) }

    public override func authConnect(_ call: borrowing ConnectCall) -> AccessVerdict {
        if call.hasUserName { return call.deferToWorker() }
        guard call.hasPassword else { return .abstain }
        // MQTT 5 allows a password alone, for other methods than this one. It is a credential, and nobody checked it.
        return refuse(call, "password without a user name")
    }

    public override func authConnectDeferred(_ call: borrowing ConnectCall) -> AccessVerdict {
        guard !abandoned.take(call.token) else { return .error }
        let user = [UInt8](call.userName)
        let tables = sources.map { $0.current(shard: call.shard) }
        switch LogIn.check(user, password: call.password.bytes, in: tables) {
        case .accepted(let file):
            call.setRule(file)
            return .allow
        case .wrongPassword(let file):
            return refuse(call, "wrong password", rule: file)
        case .unknownUser:
            return refuse(call, "unknown user")
        }
    }

    /// The client learns that its credentials are bad [MQTT 5.0, 3.2.2.2, 0x86], not which of the two.
    private func refuse(
        _ call: borrowing ConnectCall, _ reason: String, rule: String = "auth"
    ) -> AccessVerdict {
        call.setReason(.badUserNameOrPassword)
        call.setRule("\(rule): \(reason)")
        host.log(
            .warning, "auth.refused", reason,
            [
                "client": String(decoding: call.client.id), "user": String(decoding: call.userName),
                "addr": String(decoding: call.client.address),
            ])
        return .deny
    }
}
