import Configuration

/// Files that change while their plugins run.
extension PluginHost {
    /// Watches the files of what runs now, where their entries want that.
    func follow() {
        let wanted = state.read { state in
            state.running.compactMap { running -> (id: String, path: String, settle: Int64)? in
                let reload = running.entry.reload.merged(with: context.environment.reload)
                guard reload.isAutomatic, !running.image.sha256.isEmpty else { return nil }
                return (running.instance.id, running.path, reload.debounce.nanoseconds)
            }
        }
        let before = state.read { $0.follows }
        var after: [String: Follow] = [:]
        for (id, path, settle) in wanted {
            if let known = before[id], known.path == path, known.settle == settle {
                after[id] = known
            } else {
                let watch = context.watcher.add(followGroup, path: path, settle: settle) { [weak self] in
                    guard let host = self else { return }
                    host.keeper.async { host.fileChanged(id) }
                }
                after[id] = Follow(watch: watch, path: path, settle: settle)
            }
        }
        for (id, old) in before where after[id] != old { context.watcher.remove(old.watch, of: followGroup) }
        let settled = after
        state.withLock { $0.follows = settled }
        // What changed between the load and the watch was told to nobody.
        for id in after.keys where before[id] != after[id] { keeper.async { [weak self] in self?.fileChanged(id) } }
    }

    /// A file may have changed: when its content has, it takes over. On the keeper's thread.
    func fileChanged(_ id: String) {
        let (found, refusal, last) = state.read { state in
            (state.running.first { $0.instance.id == id }, state.refusals[id], state.lastContext)
        }
        guard let running = found, let last else { return }
        // Gone for now: something is about to be put in its place.
        guard let digest = StagedFile.digest(of: running.path) else { return }
        guard digest != running.image.sha256 else { return forgetRefusal(id) }
        guard refusal?.sha256 != digest else { return }
        var context = last
        context.byHand = []
        context.isFirst = false
        let entries = state.read { $0.running.map(\.entry) }
        switch applyNow(entries, renewing: [id], context) {
        case .success: break
        case .failure(let errors): sayRefused(id, running, errors)
        }
    }

    /// Why the file that lies there does not run, for the log; `plugins list` shows it as well.
    func sayRefused(_ id: String, _ running: RunningPlugin?, _ errors: ConfigurationErrors) {
        context.log(
            .error, id, "plugin.reload_refused", "",
            [
                (key: "kept", value: running == nil ? "false" : "true"),
                (key: "generation", value: running.map { "\($0.instance.generation)" } ?? "none"),
                (key: "reason", value: errors.description), (key: "file", value: running?.path ?? ""),
            ])
    }

    private func forgetRefusal(_ id: String) { state.withLock { $0.refusals[id] = nil } }

    /// Remembers what stands against a file.
    func refused(_ entry: PluginEntry, _ problem: PluginImage.Problem) {
        state.withLock { state in
            // The reason of the roll-back says more than that it is remembered.
            if let known = state.refusals[entry.id], known.isQuarantined, known.sha256 == problem.sha256 { return }
            state.refusals[entry.id] = Refusal(reason: problem.words, sha256: problem.sha256 ?? "")
        }
    }

    /// Remembers why what was asked for by name was refused, when it was not the file.
    func refused(_ ids: Set<String>, _ errors: ConfigurationErrors, since began: Int64) {
        for id in ids { count(id, \.refusals) }
        state.withLock { state in
            for id in ids {
                if let known = state.refusals[id], known.isQuarantined || known.at >= began { continue }
                let path = state.running.first { $0.instance.id == id }?.path
                let digest = path.flatMap { StagedFile.digest(of: $0) }
                state.refusals[id] = Refusal(reason: errors.description, sha256: digest ?? "")
            }
        }
    }
}
