import Configuration

/// Files of an edit that was refused: when one of them changes, the edit is tried again.
extension PluginHost {
    /// Watches what `entries` name and what does not run; no entries: nothing is waited for any more.
    func awaitFiles(of entries: [PluginEntry]) {
        let (before, running, refusals) = state.read { state in
            (state.awaited, Set(state.running.map(\.path)), state.refusals)
        }
        var after: [String: AwaitedFile] = [:]
        for entry in entries where entry.isEnabled {
            let reload = entry.reload.merged(with: context.environment.reload)
            guard reload.isAutomatic else { continue }
            for path in search.candidates(entry) where !running.contains(path) && after[path] == nil {
                let known = before[path].flatMap { $0.settle == reload.debounce.nanoseconds ? $0 : nil }
                let watch = known?.watch ?? awaitChange(of: path, settle: reload.debounce.nanoseconds)
                // What was looked at when it was refused; it may be another already.
                let refused = refusals[entry.id]?.sha256 ?? ""
                after[path] = AwaitedFile(
                    watch: watch, settle: reload.debounce.nanoseconds,
                    refused: refused.isEmpty ? StagedFile.digest(of: path) : refused)
            }
        }
        for (path, old) in before where after[path]?.watch != old.watch {
            context.watcher.remove(old.watch, of: followGroup)
        }
        let settled = after
        state.withLock { $0.awaited = settled }
        // What changed between the refusal and the watch was told to nobody.
        for path in after.keys where before[path] == nil {
            keeper.async { [weak self] in self?.awaitedFileChanged(path) }
        }
    }

    private func awaitChange(of path: String, settle: Int64) -> UInt64 {
        context.watcher.add(followGroup, path: path, settle: settle) { [weak self] in
            guard let host = self else { return }
            host.keeper.async { host.awaitedFileChanged(path) }
        }
    }

    /// On the keeper's thread.
    private func awaitedFileChanged(_ path: String) {
        guard let awaited = state.read({ $0.awaited[path] }), let digest = StagedFile.digest(of: path),
            digest != awaited.refused
        else { return }
        // One attempt for each content.
        state.withLock { $0.awaited[path]?.refused = digest }
        context.environment.retryConfiguration()
    }
}
