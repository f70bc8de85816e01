import Configuration
import Glibc
import PositionedYAML
import Reactor

extension Supervisor {
    /// Why the configuration is read again.
    enum ReloadCause: Equatable {
        /// Somebody asked for it.
        case request
        /// The file has changed.
        case file
    }

    /// Reads the configuration again: what can be applied is applied, what cannot is named, a wrong one changes
    /// nothing. One reload after the other; `answer` gets what the control socket answers.
    /// - Parameter changing: what is to be another in the run-time overlay.
    func reload(
        _ cause: ReloadCause = .request, changing: ((inout RuntimeOverlay) -> Void)? = nil,
        answer: @escaping (ControlAnswer) -> Void = { _ in }
    ) {
        queue { [unowned self] done in
            let finish = { (said: ControlAnswer) in
                answer(said)
                done()
            }
            do throws(ConfigurationErrors) {
                let loaded = try loadConfiguration(changing)
                guard cause == .request || loaded.text != running.text else { return finish(.done()) }
                let plan = ReloadPlan(running: running.configuration, file: loaded.configuration)
                let isOverlayChanged = changing != nil
                guard plan.changesPlugins, let service else {
                    if isOverlayChanged { keep(loaded.overlay) }
                    return finish(conclude(plan, .init(), loaded))
                }
                applyPlugins(service, loaded) { [unowned self] result in
                    switch result {
                    case .success(let changes):
                        if isOverlayChanged { keep(loaded.overlay) }
                        finish(conclude(plan, changes, loaded))
                    case .failure(let errors): finish(refuse(errors))
                    }
                }
            } catch {
                finish(refuse(error))
            }
        }
    }

    /// The configuration as it is to be now: the file, under what was or is to be changed at run time.
    private func loadConfiguration(
        _ changing: ((inout RuntimeOverlay) -> Void)? = nil
    ) throws(ConfigurationErrors) -> LoadedConfiguration {
        var options = options
        var overlay = try currentOverlay()
        changing?(&overlay)
        options.overlay = overlay
        return try ServerConfiguration.load(options)
    }

    /// What is left when the plugins are what the file says.
    private func conclude(
        _ plan: ReloadPlan, _ changes: PluginChanges, _ loaded: LoadedConfiguration
    ) -> ControlAnswer {
        running.text = loaded.text
        let problems = reloadCertificates()
        let answer = apply(plan, changes, loaded)
        guard problems.isEmpty else {
            service?.metrics.configurationRead(isTaken: false)
            return .refused(problems.joined(separator: "\n"), .refused)
        }
        service?.metrics.configurationRead(isTaken: true)
        return answer
    }

    /// `hookline reload NAME`: a new generation of one plugin, with the settings the file has now. The old one serves
    /// until the new one has started, and stays when that fails. Other plugins are left alone.
    func reloadPlugin(_ id: String, answer: @escaping (ControlAnswer) -> Void) {
        queue { [unowned self] done in
            let finish = { (said: ControlAnswer) in
                answer(said)
                done()
            }
            do throws(ConfigurationErrors) {
                var loaded = try loadConfiguration()
                guard let entry = loaded.configuration.plugins.first(where: { $0.id == id && $0.isEnabled }),
                    let service
                else {
                    return finish(
                        .refused("no plugin '\(id)' is enabled in \(loaded.source)", .notFound))
                }
                var plugins = running.configuration.plugins
                if let place = plugins.firstIndex(where: { $0.id == id }) {
                    plugins[place] = entry
                } else {
                    plugins.append(entry)
                }
                loaded.configuration.plugins = plugins
                applyPlugins(service, loaded, renewing: [id]) { [unowned self] result in
                    finish(answerRenewal(id, result))
                }
            } catch {
                finish(answerRenewal(id, .failure(error)))
            }
        }
    }

    private func answerRenewal(_ id: String, _ result: Result<PluginChanges, ConfigurationErrors>) -> ControlAnswer {
        switch result {
        case .success:
            let status = service?.pluginStatuses.first { $0.id == id }
            return .done([
                ("changed", [.string("plugins.\(id)")]), ("generation", JSONText(status?.generation ?? 0)),
                ("sha256", .string(status?.sha256 ?? "")),
            ])
        case .failure(let errors):
            log.write(.pluginReloadRefused, .error) {
                [.init("plugin", id), .init("kept", true), .init("reason", errors.description)]
            }
            return .refused(errors.description, .refused)
        }
    }

    /// Applies the plugins elsewhere and goes on here with the result.
    private func applyPlugins(
        _ service: BrokerService, _ loaded: LoadedConfiguration, renewing: Set<String> = [],
        then: @escaping (Result<PluginChanges, ConfigurationErrors>) -> Void
    ) {
        lastApplication += 1
        let number = lastApplication
        applications[number] = { [unowned self] result in
            if case .success = result { running.configuration.plugins = loaded.configuration.plugins }
            then(result)
        }
        guard let mailbox else { return }
        service.applyPlugins(loaded, renewing: renewing, exposing: running.configuration) { result in
            _ = mailbox.post(.applied(number, result))
        }
    }

    /// Runs a reload when the one before it is done; it calls `done` when it is.
    private func queue(_ reload: @escaping (_ done: @escaping () -> Void) -> Void) {
        waitingReloads.append(reload)
        if waitingReloads.count == 1 { runNextReload() }
    }

    private func runNextReload() {
        guard let next = waitingReloads.first else { return }
        next { [unowned self] in
            waitingReloads.removeFirst()
            runNextReload()
        }
    }

    /// Follows plugins.yaml: what is saved is in force a moment later, or refused with its reasons in the log.
    func followConfiguration() {
        let reload = running.configuration.broker.reload
        guard reload.isAutomatic, case .file(let path) = running.source else { return }
        do throws(SystemError) {
            let watcher = try FileWatcher(
                paths: [path], settleNanoseconds: reload.debounce.nanoseconds,
                lookNanoseconds: Self.lookNanoseconds
            ) { [unowned self] path in
                // Not there for now: something is about to be put in its place.
                if access(path, R_OK) == 0 { self.reload(.file) }
            }
            try loop.add(watcher)
        } catch {
            log.write(.configWarning, .warn) {
                [
                    .init("at", "broker.reload"),
                    .init("message", "a changed \(path) is taken up by 'hookline reload' only: \(error.description)"),
                ]
            }
        }
    }

    private func refuse(_ errors: ConfigurationErrors) -> ControlAnswer {
        service?.metrics.configurationRead(isTaken: false)
        for error in errors.all {
            log.write(.configReloadRefused, .error) {
                [.init("at", error.position.description), .init("reason", error.message)]
            }
        }
        return .refused(errors.description, .refused)
    }

    private func apply(
        _ plan: ReloadPlan, _ changes: PluginChanges, _ loaded: LoadedConfiguration
    ) -> ControlAnswer {
        let settings = loaded.configuration.broker.log
        // What was set while the broker ran holds no longer: the file says what is in force.
        log.setLevels(settings.allLevels)
        running.configuration.broker.log.level = settings.level
        running.configuration.broker.log.levels = settings.levels
        running.overlay = loaded.overlay
        // Who set what: of the settings that are in force now.
        for path in plan.applied { running.origins[path] = loaded.origins[path] }
        let plugins = changes.started + changes.replaced + changes.reconfigured + changes.stopped
        let changed =
            plan.applied + plugins.map { "plugins.\($0)" } + (changes.isReordered ? ["plugins (their order)"] : [])
        log.write(.configReloaded) {
            [.init("changed", changed.isEmpty ? "nothing" : changed.joined(separator: ","))]
        }
        for waiting in plan.waiting {
            log.write(.configNeedsRestart, .warn) {
                [
                    .init("setting", waiting.setting), .init("running", waiting.running),
                    .init("file", waiting.file),
                ]
            }
        }
        return .done([
            ("changed", .array(changed.map { .string($0) })),
            (
                "needs_restart",
                .array(
                    plan.waiting.map {
                        ["setting": .string($0.setting), "running": .string($0.running), "file": .string($0.file)]
                    })
            ),
        ])
    }
}
