import MQTTCodec

/// Verdicts of acl.subscribe about the filters of one connection (HL_CACHE_CLIENT_FILTER): bounded, keys exact, void
/// with every revocation.
struct FilterVerdicts {
    struct Verdict {
        let allows: Bool
        let grantedQoS: UInt8
        let reason: ReasonCode
        /// Host clock ns.
        let expires: Int64
        /// `HookDispatcher.verdictEpoch` when it was given.
        let epoch: UInt64
    }

    /// At the bound all are forgotten: a client that subscribes to more at once is asked about again.
    static let maximum = 256
    private var verdicts: [[UInt8]: Verdict] = [:]

    func find(_ filter: [UInt8], epoch: UInt64, now: Int64) -> Verdict? {
        guard !verdicts.isEmpty, let kept = verdicts[filter], kept.epoch == epoch, now < kept.expires else {
            return nil
        }
        return kept
    }

    mutating func store(_ filter: [UInt8], _ verdict: Verdict) {
        if verdicts.count >= FilterVerdicts.maximum { verdicts.removeAll() }
        verdicts[filter] = verdict
    }
}
