import MQTTCodec
import PluginABI

/// Who may connect: `auth.connect`, then the listener's rule for clients without credentials.
extension Shard {
    func authenticate(_ connection: ConnectionRef, _ connect: Connect) {
        guard hooks.table.hasAuthConnect else {
            concludeConnect(connection, connect, .abstain)
            return
        }
        connection.pointee.phase = .authenticating
        let client = PluginClient(
            connection.extras.identity, connection: connection.pointee.id, protocolLevel: connect.version.rawValue,
            isAnonymous: false)
        let lent = PluginConnect(connect, client)
        let outcome = withExtendedLifetime(lent) { lent.pointer.map { hooks.authConnect($0, now: now) } ?? .deny }
        concludeConnect(connection, connect, outcome)
    }

    /// Acts on what the plugins said. With an auth plugin the default is deny; a client without credentials is let in
    /// where the listener says so and no plugin refused.
    func concludeConnect(_ connection: ConnectionRef, _ connect: Connect, _ outcome: HookOutcome) {
        switch outcome {
        case .pending(let token, let deadline):
            park(connection, token: token, deadline: deadline, .connect(connect))
        case .allow:
            takeIdentity(connection)
            if takeCredentialsEnd(connection) { proceed(connection, connect) }
        case .deny: refuseDenied(connection, connect)
        default: concludeUnasked(connection, connect)
        }
    }

    /// No plugin had an opinion, or there is none: the rules of the listener decide.
    private func concludeUnasked(_ connection: ConnectionRef, _ connect: Connect) {
        let hasCredentials = connect.userName != nil || connect.password != nil
        let hasJudge = hooks.table.hasAuthConnect
        let listener = shared.listeners[Int(connection.pointee.listener)]
        let isKnown = listener.certificateIsLogin && !connection.extras.identity.certificate.isEmpty
        // Without an auth plugin there is nobody to ask: the configuration has made sure that such a listener is local
        // or open on purpose. But where certificates name the clients, nobody takes a name by just saying it.
        let isFree = !hasJudge && !listener.certificateIsLogin
        if isFree || (isKnown && !(hasJudge && hasCredentials)) || (!hasCredentials && listener.allowAnonymous) {
            proceed(connection, connect)
        } else if hasCredentials {
            refuse(connection, .badUserNameOrPassword, "no auth plugin accepts this user")
        } else {
            refuse(connection, .notAuthorized, "no credentials, and allow_anonymous is not set on the listener")
        }
    }

    /// Answers what the plugin that denied wants.
    func refuseDenied(_ connection: ConnectionRef, _ connect: Connect) {
        let result = hooks.lastResult
        let reason = refusalReason(result, connect)
        let words = result.hasFailed ? "a plugin failed or did not decide in time" : "not authorized"
        refuse(connection, reason, words, rule: result.rule.text)
    }

    /// The client is let in; its will must be allowed as well, because it will be published in its name.
    func proceed(_ connection: ConnectionRef, _ asked: Connect) {
        var connect = asked
        if let topic = asked.will?.topic {
            guard let whole = mounted(topic, connection) else {
                refuse(connection, .topicNameInvalid, "the will's topic is too long behind the mount point")
                return
            }
            connect.will?.topic = whole
        }
        if let will = connect.will, hooks.table.hasACLPublish {
            decideWill(connection, connect, will)
            return
        }
        admitAuthenticated(connection, connect)
    }

    /// Takes over who the plugin says this is.
    func takeIdentity(_ connection: ConnectionRef) {
        let result = hooks.lastResult
        let extras = connection.extras
        // A client that is online has its subscriptions: where its tree begins is settled at the log-in.
        if !connection.isOnline {
            extras.limits = result.limits
            if let mountPoint = result.mountPoint {
                identityChanged(connection)
                extras.identity = extras.identity.with(mountPoint: Array(mountPoint.bytes))
                useMountPoint(connection)
            }
        }
        guard result.hasIdentity else { return }
        identityChanged(connection)
        let old = extras.identity
        let groups = (0..<Int(result.groupCount)).compactMap { (result.groups?[$0]).map { Array($0.bytes) } }
        extras.identity = old.with(
            username: result.username.len > 0 ? Array(result.username.bytes) : old.username, groups: groups,
            account: Array(result.account.bytes))
    }

    private func refusalReason(_ result: HookResult, _ connect: Connect) -> ReasonCode {
        // Nobody looked at the credentials: a client that is told they are wrong would not come back with them.
        if result.hasFailed { return .serverBusy }
        if result.reasonCode >= 0x80, let raw = UInt8(exactly: result.reasonCode) { return ReasonCode(rawValue: raw) }
        return connect.userName != nil ? .badUserNameOrPassword : .notAuthorized
    }
}
