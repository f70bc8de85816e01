internal import AccessRules
internal import PluginSDK
internal import Locking

/// Rules that are not in force yet, asked beside those that are: what they would change on live traffic is logged, once
/// for each pair of rules, before anybody promotes them (docs/acl.md).
final class Shadow: Sendable {
    /// A way in which the two files differ.
    private struct Difference: Hashable {
        let action: Action
        let inForce: String
        let shadow: String
    }

    private struct Report {
        var counts: [Difference: Int] = [:]
        var total = 0
        var told = 0
    }

    /// Pairs of rules that are told apart; what comes later is counted only.
    private static let maximumDifferences = 1_000
    private static let reportPeriod: Int64 = 60_000_000_000

    /// The rules of the file; none while it is not there, as after `mv next.acl.yaml acl.yaml`.
    private final class Candidate: FileContent {
        static let sizeLimit = RuleSet.sizeLimit
        let rules: RuleSet?

        init(_ bytes: [UInt8], file: String) throws(FileRefusal) {
            rules = bytes.isEmpty ? nil : try RuleSet(bytes, file: file)
        }

        var summary: String { rules?.summary ?? "no rules" }
    }

    private let file: FollowedFile<Candidate>
    private let name: String
    private let host: PluginHost
    private let report = Locked(Report())

    /// - Returns: `nil` when the setting is absent.
    init?(_ setting: ConfigurationNode, _ host: PluginHost) throws(PluginFailure) {
        guard !setting.path.isEmpty else { return nil }
        do throws(FileRefusal) {
            file = try FollowedFile(setting.path, subject: "acl.shadow", host: host, absent: [])
        } catch {
            throw .refused(error.faults.map { ConfigurationFault(setting, $0) })
        }
        name = setting.path.split(separator: "/").last.map(String.init) ?? setting.path
        self.host = host
    }

    func follow() throws(PluginFailure) {
        // Verdicts that the host remembers are not asked about; a new file wants to see them all.
        try file.follow { [weak self, host] in
            self?.report.withLock { $0 = Report() }
            host.revokeVerdicts()
        }
        host.startTimer(after: Self.reportPeriod, every: Self.reportPeriod) { [weak self] in self?.tellTotal() }
    }

    /// Asks the shadow the same question and writes down a different answer.
    func compare(
        _ decision: Decision, of rules: RuleSet, _ action: Action, _ name: Span<UInt8>, _ traits: MessageTraits,
        _ client: borrowing Client, _ shard: Int
    ) {
        file.read(shard: shard) { candidate in
            guard let shadow = candidate.rules else { return }
            let subject = Subject(client, parsesAddress: shadow.asksForAddresses)
            let other = shadow.decide(action, name, traits, by: subject)
            guard other.effect != decision.effect else { return }
            let difference = Difference(
                action: action, inForce: rules.name(of: decision), shadow: shadow.name(of: other))
            guard isNew(difference) else { return }
            let (now, then) = decision.effect == .allow ? ("allowed", "denied") : ("denied", "allowed")
            host.log(
                .warning, "acl.shadow_differs",
                "\(difference.shadow) would have it \(then); \(difference.inForce) has it \(now)",
                [
                    "action": "\(action)", "topic": String(decoding: name), "client": String(decoding: client.id),
                    "user": String(decoding: client.userName),
                ])
        }
    }

    private func isNew(_ difference: Difference) -> Bool {
        report.withLock { report in
            report.total += 1
            if report.counts[difference] == nil, report.counts.count >= Self.maximumDifferences { return false }
            report.counts[difference, default: 0] += 1
            return report.counts[difference] == 1
        }
    }

    private func tellTotal() {
        let (total, pairs) = report.withLock { report in
            defer { report.told = report.total }
            return (report.total - report.told, report.counts.count)
        }
        guard total > 0 else { return }
        host.log(
            .info, "acl.shadow_report",
            "\(total) decisions of the last minute would have been others under \(name) (\(pairs) pairs of rules)")
    }
}
