internal import PluginABI

/// What became of something an operator asked for.
public enum AdministrationAnswer: Sendable, Equatable {
    /// JSON.
    case done(String)
    /// Not done, and why.
    case failed(AdministrationFailure, String)
}

/// Why an operator did not get what was asked for (docs/administration.md).
public enum AdministrationFailure: Sendable, Equatable {
    /// A parameter is missing or wrong.
    case invalid
    /// No such client, topic, plugin or setting.
    case notFound
    /// Nothing was changed; one line per reason.
    case refused
    /// Of test mode only, or switched off.
    case notAllowed
    /// Starting, stopping, or a loop does not answer.
    case unavailable

    init(_ status: hl_status) {
        self =
            switch status {
            case HL_INVALID: .invalid
            case HL_NOT_FOUND: .notFound
            case HL_NOT_ALLOWED: .notAllowed
            case HL_UNAVAILABLE, HL_BUSY: .unavailable
            default: .refused
            }
    }
}

/// What an operator can ask of the broker (`administration/1`): ask for it in `PluginDescription.optionalServices`.
extension PluginHost {
    private var administration: UnsafePointer<hl_administration_v1>? {
        withView("administration/1") { name in
            raw.pointee.core?.pointee.get_service?(raw, name)?.assumingMemoryBound(to: hl_administration_v1.self)
        }
    }

    /// What `hookline status --json` shows; on a worker thread.
    /// - Returns: false when the service is not granted.
    @discardableResult
    public func status(_ answer: @escaping @Sendable (AdministrationAnswer) -> Void) -> Bool {
        ask(JSONBox(host: self, body: answer)) { administration?.pointee.status?(raw, JSONBox.run, $0) }
    }

    /// Reads plugins.yaml again, as `hookline reload [NAME]` does; on a worker thread. A plugin that reloads itself is
    /// not answered.
    /// - Parameter instance: `nil`: everything.
    /// - Returns: false when the service is not granted.
    @discardableResult
    public func reload(
        _ instance: String? = nil, _ answer: @escaping @Sendable (AdministrationAnswer) -> Void
    ) -> Bool {
        ask(JSONBox(host: self, body: answer)) { user in
            withView(instance ?? "") { administration?.pointee.reload?(raw, $0, JSONBox.run, user) }
        }
    }

    /// Any command of the control socket, by its name there: `health`, `plugins`; on a worker thread.
    /// - Returns: false when this broker has no such command, or the service is not granted.
    @discardableResult
    public func command(
        _ name: String, _ argument: String? = nil, _ answer: @escaping @Sendable (AdministrationAnswer) -> Void
    ) -> Bool {
        ask(JSONBox(host: self, body: answer)) { user in
            withView(name) { name in
                withView(argument ?? "") { administration?.pointee.command?(raw, name, $0, JSONBox.run, user) }
            }
        }
    }
}

private struct JSONBox: Sendable {
    let host: PluginHost
    let body: @Sendable (AdministrationAnswer) -> Void

    static let run: hl_json_fn = { _, user, status, text in
        guard let box = Callback<JSONBox>.of(user)?.body else { return }
        box.body(status == HL_OK ? .done(text.string) : .failed(AdministrationFailure(status), text.string))
        box.host.callbacks.remove(user)
    }
}
