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
}
