import Configuration
import Locking

/// What is true of the broker as a whole, for whoever decides whether to send clients to it. [any thread]
///
/// It is asked while the broker starts as well, when the control thread has no time for questions.
final class Readiness: Sendable {
    /// Where the life of the broker has come to.
    enum Phase: Sendable {
        /// Plugins start, or the store is read.
        case starting
        /// Clients are accepted; the store may still be read.
        case serving
        case draining
    }

    /// How far something is that the broker stands on.
    enum Condition: Sendable, Equatable {
        case ok
        /// Not there yet; says how far.
        case coming(String)
        /// Something is wrong that leaves the broker useful.
        case impaired(String)
        /// Something is wrong that does not.
        case failed(String)

        fileprivate var words: String {
            switch self {
            case .ok: "ok"
            case .coming(let words), .impaired(let words), .failed(let words): words
            }
        }
    }

    private struct State {
        var phase = Phase.starting
        var plugins: PluginHost?
        var store: (@Sendable () -> Condition)?
    }

    private let state = Locked(State())

    /// The broker has come further.
    func enter(_ phase: Phase) { state.withLock { $0.phase = phase } }

    /// These are the plugins.
    func follow(_ plugins: PluginHost) { state.withLock { $0.plugins = plugins } }

    /// There is a store, and this tells how it is.
    func follow(store: @escaping @Sendable () -> Condition) { state.withLock { $0.store = store } }

    /// Where the life of the broker has come to.
    var phase: Phase { state.withLock { $0.phase } }

    /// The word for it all, and each thing it is made of.
    var report: (status: String, checks: [(name: String, condition: Condition)]) {
        let state = state.withLock { $0 }
        var checks: [(name: String, condition: Condition)] = []
        if let store = state.store { checks.append(("store", store())) }
        checks.append(("listeners", Self.listeners(state.phase)))
        for plugin in state.plugins?.statuses ?? [] {
            checks.append(("plugin:\(plugin.id)", Self.condition(of: plugin)))
        }
        return (Self.status(state.phase, checks.map(\.condition)), checks)
    }

    /// `ready`
    var answer: ControlAnswer {
        let (status, checks) = report
        return .done([
            ("ready", .boolean(status == "ready")), ("status", .string(status)),
            ("checks", .object(checks.map { (key: $0.name, value: .string($0.condition.words)) })),
        ])
    }

    /// The answer to `ready`, and while the broker starts to `health`; nil: the control thread knows more.
    func earlyAnswer(to request: AdministrationRequest) -> ControlAnswer? {
        guard case .command(let request) = request else { return nil }
        switch request.command {
        case .ready: return answer
        case .health where phase == .starting: return .done([("status", "ok"), ("state", "starting")])
        default: return nil
        }
    }

    private static func status(_ phase: Phase, _ conditions: [Condition]) -> String {
        if phase == .draining { return "draining" }
        let hasFailed = conditions.contains { if case .failed = $0 { true } else { false } }
        if hasFailed { return "failed" }
        let isComing = conditions.contains { if case .coming = $0 { true } else { false } }
        return isComing || phase == .starting ? "starting" : "ready"
    }

    private static func listeners(_ phase: Phase) -> Condition {
        switch phase {
        case .starting: .coming("not open yet")
        case .serving: .ok
        case .draining: .coming("closed")
        }
    }

    /// What an enabled plugin says about itself, and what the host sees of it.
    static func condition(of plugin: PluginStatus) -> Condition {
        func words(_ word: String) -> String { plugin.healthText.isEmpty ? word : "\(word): \(plugin.healthText)" }
        if plugin.isStuck { return .failed("stuck: a call of it does not return") }
        switch plugin.health {
        case "failed": return .failed(words("failed"))
        case "starting": return .coming(words("starting"))
        case "degraded": return .impaired(words("degraded"))
        default: break
        }
        guard plugin.leftOut.isEmpty else {
            return .impaired("left out because they only fail: \(plugin.leftOut.joined(separator: ", "))")
        }
        return .ok
    }
}
