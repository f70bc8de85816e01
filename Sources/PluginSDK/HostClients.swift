internal import PluginABI

extension PluginHost {
    /// Forgets the cached verdicts of a connection, or of all.
    @discardableResult
    public func revokeVerdicts(of connection: UInt64? = nil) -> Bool {
        raw.pointee.client?.pointee.revoke?(raw, connection ?? 0) == HL_OK
    }

    /// Forgets cached verdicts and asks `aclSubscribe` about each live subscription again; those denied end.
    @discardableResult
    public func recheckSubscriptions(of connection: UInt64? = nil) -> Bool {
        raw.pointee.client?.pointee.recheck?(raw, connection ?? 0) == HL_OK
    }

    /// Ends a connection; its session stays.
    @discardableResult
    public func disconnect(_ connection: UInt64, _ reason: ReasonCode) -> Bool {
        guard connection != 0 else { return false }
        return raw.pointee.client?.pointee.kick?(raw, connection, UInt32(reason.rawValue)) == HL_OK
    }

    /// Ends the connection of a client; its session stays.
    @discardableResult
    public func disconnect(clientID: String, _ reason: ReasonCode) -> Bool {
        withView(clientID) { clientID in
            raw.pointee.client?.pointee.kick_client_id?(raw, clientID, UInt32(reason.rawValue)) == HL_OK
        }
    }

    /// Disconnects a client and ends its session with everything in it. `done` says on a worker thread whether there
    /// was one.
    @discardableResult
    public func endSession(
        of clientID: String, _ reason: ReasonCode, done: @escaping @Sendable (Bool) -> Void = { _ in }
    ) -> Bool {
        ask(DoneBox(host: self, body: done)) { user in
            withView(clientID) { clientID in
                raw.pointee.client?.pointee.end_session?(
                    raw, clientID, UInt32(reason.rawValue), DoneBox.run, user)
            }
        }
    }

    /// Says who is behind a connection from now on, and forgets its cached verdicts. `done` says on a worker thread
    /// whether the connection was there.
    @discardableResult
    public func setIdentity(
        of connection: UInt64, userName: String, groups: [String] = [], account: String = "",
        done: @escaping @Sendable (Bool) -> Void = { _ in }
    ) -> Bool {
        ask(DoneBox(host: self, body: done)) { user in
            withView(userName) { userName in
                withView(account) { account in
                    withViews(groups) { groups in
                        raw.pointee.client?.pointee.set_identity?(
                            raw, connection, userName, groups.baseAddress, UInt32(groups.count), account,
                            DoneBox.run, user)
                    }
                }
            }
        }
    }
}

private struct DoneBox: Sendable {
    let host: PluginHost
    let body: @Sendable (Bool) -> Void

    static let run: hl_done_fn = { _, user, status in
        guard let box = Callback<DoneBox>.of(user)?.body else { return }
        box.body(status == HL_OK)
        box.host.callbacks.remove(user)
    }
}
