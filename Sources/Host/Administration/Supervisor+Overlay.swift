import Configuration

/// Settings that are changed while the broker runs: the run-time overlay.
extension Supervisor {
    /// The overlay in force: what lies in the data directory, or what is in memory where there is none.
    func currentOverlay() throws(ConfigurationErrors) -> RuntimeOverlay {
        guard keepsOverlay else { return overlay }
        return try RuntimeOverlay.read(dataDirectory: running.configuration.broker.dataDirectory)
    }

    /// Whether changed settings outlive the process.
    var keepsOverlay: Bool {
        !running.configuration.isEphemeral && !running.configuration.broker.dataDirectory.isEmpty
    }

    /// It is in force: remembers it, and writes it down where it is kept.
    func keep(_ changed: RuntimeOverlay) {
        overlay = changed
        running.overlay = changed
        guard keepsOverlay else { return }
        do throws(OperationError) {
            let file = RuntimeOverlay.file(in: running.configuration.broker.dataDirectory)
            // A setting may be a secret.
            try SmallFile.replace(file, with: changed.fileText, mode: 0o600)
        } catch {
            log.write(.configWarning, .warn) {
                [
                    .init("at", "run-time overlay"),
                    .init("message", "in force, but gone with the next start: \(error)"),
                ]
            }
        }
    }

    /// `enable`, `disable`
    func switchPlugin(
        _ parameters: ControlParameters, on isEnabled: Bool, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let id = try parameters.required("name")
        change("plugins.\(id).enabled", to: "\(isEnabled)", answer)
    }

    /// `config_set`
    func setSetting(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        let path = try parameters.required("path")
        guard let value = parameters["value"] else { throw UsageError("value is missing") }
        let text = if case .string(let text) = value { text } else { value.rendered }
        change(path, to: text, answer)
    }

    private func change(_ path: String, to text: String, _ answer: @escaping (ControlAnswer) -> Void) {
        let parts = path.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
        if parts.first == "plugins", parts.count >= 2,
            !running.configuration.plugins.contains(where: { $0.id == parts[1] })
        {
            return answer(
                .refused("no plugin '\(parts[1])' in the list 'plugins' of \(running.source)", .notFound))
        }
        reload(changing: { $0.set(path, to: text) }, answer: answer)
    }

    /// `config_reset`
    func resetSetting(
        _ parameters: ControlParameters, _ answer: @escaping (ControlAnswer) -> Void
    ) throws(UsageError) {
        guard let path = try parameters.text("path") else {
            return reload(changing: { $0 = RuntimeOverlay() }, answer: answer)
        }
        let isThere = (try? currentOverlay())?.settings.contains { $0.path == path } ?? true
        guard isThere else { return answer(.refused("'\(path)' is not in the run-time overlay", .notFound)) }
        reload(changing: { $0.remove(path) }, answer: answer)
    }
}
