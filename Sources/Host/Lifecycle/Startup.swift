import BrokerCore
import Configuration
import Glibc
import PositionedYAML
import Reactor

/// The way from a command line to a serving broker, and back. A step that fails ends the start with nothing left
/// behind: no port open, no file written.
enum Startup {
    /// Runs the broker until it is stopped; returns the exit code.
    static func serve(_ options: ServeOptions, started: Int64) throws(StartFailure) -> Int32 {
        let announcements = AnnouncementFiles(options)
        // A ports file of an earlier run must not be taken for ours, not even while this start fails.
        announcements.removePorts()
        let loaded = try loadOrSayAll(options)
        let log = Log(levels: loaded.configuration.broker.log.allLevels, format: loaded.configuration.broker.log.format)
        // Before the first thread: it blocks the signals that the control loop takes, and threads inherit that.
        let parent = try orFail { () throws(OperationError) in try watchParent(options) }
        let supervisor = try orFail { () throws(SystemError) in
            try Supervisor(
                options: options, configuration: loaded, log: log, started: started, parent: parent,
                readiness: Readiness())
        }
        try orFail { () throws(OperationError) in try log.start() }
        defer { log.close() }
        do throws(StartFailure) {
            return try run(supervisor, announcements)
        } catch {
            guard loaded.configuration.broker.log.format == .json else { throw error }
            // Whoever collects JSON gets JSON.
            log.write(.brokerFailed, .error) { [.init("reason", error.lines.joined(separator: "; "))] }
            return error.exitCode
        }
    }

    /// Reads the configuration. When something is wrong with it, everything else that is wrong is said as well.
    private static func loadOrSayAll(_ options: ServeOptions) throws(StartFailure) -> LoadedConfiguration {
        do throws(ConfigurationErrors) {
            return try ServerConfiguration.load(options)
        } catch {
            throw ConfigurationCheck(options).failure ?? StartFailure(error)
        }
    }

    /// Checks files and settings of the plugins without running them.
    static func checkPlugins(
        _ loaded: LoadedConfiguration
    ) throws(StartFailure) -> (errors: [ConfigurationError], warnings: [ConfigurationWarning]) {
        let configuration = loaded.configuration
        guard configuration.plugins.contains(where: \.isEnabled) else { return ([], []) }
        let staging = try orFail { () throws(OperationError) in try StagingDirectory(in: nil) }
        let plugins = PluginHost(PluginEnvironment(checking: configuration.broker, staging: staging))
        defer { plugins.stop() }
        return plugins.check(configuration.plugins, paths: loaded.paths)
    }

    /// Turns any other error into the one that ends the start.
    private static func orFail<Value, Failure: Error & CustomStringConvertible>(
        _ body: () throws(Failure) -> Value
    ) throws(StartFailure) -> Value {
        do throws(Failure) {
            return try body()
        } catch {
            throw StartFailure(error)
        }
    }
}

// The steps.
extension Startup {
    private static func run(
        _ supervisor: Supervisor, _ announcements: AnnouncementFiles
    ) throws(StartFailure) -> Int32 {
        let log = supervisor.log
        var configuration = supervisor.running.configuration
        sayWhatWasTaken(supervisor.running, log)
        let certificates = try EphemeralCertificates(for: &configuration)
        defer { withExtendedLifetime(certificates) {} }
        let runDirectory = try claimRunDirectory(configuration, ephemeral: supervisor.options.isEphemeral, log)
        let layers = try listenerLayers(configuration)
        let listeners = try orFail { () throws(ListenerFailure) in
            try ListenerOpening.open(configuration.listeners, layers: layers, tcp: configuration.broker.tcp)
        }
        let (mailbox, readiness) = (supervisor.mailbox, supervisor.readiness)
        let service = try orFail { () throws(SystemError) in
            try BrokerService(
                configuration: configuration, listeners: listeners, log: log, control: supervisor.loop,
                announcements: announcements, runDirectory: runDirectory, isChecking: supervisor.options.isTestMode,
                administer: { request, answer in
                    // While the broker starts, its control thread is busy with that.
                    if let said = readiness.earlyAnswer(to: request) {
                        answer(AdministrationAnswer(said))
                        return true
                    }
                    return mailbox?.post(.administer(request, answer)) ?? false
                }, readiness: readiness)
        }
        let control = try openControlSocket(runDirectory)
        try orFail { () throws(SystemError) in try service.start() }
        do throws(StartFailure) {
            do throws(ConfigurationErrors) {
                try service.startPlugins(supervisor.running)
            } catch {
                throw StartFailure(error)
            }
            let restored = try orFail { () throws(OperationError) in try service.openStore(supervisor.running) }
            // Before anybody is told: a file that changes after the ready line is noticed.
            let servers = layers.compactMapValues(\.tls)
            supervisor.follow(servers)
            service.metrics.setCertificates(Supervisor.ends(of: servers))
            service.accept()
            readiness.enter(.serving)
            try announce(supervisor, service, announcements, sessions: restored.sessions)
        } catch {
            service.stop()
            throw error
        }
        try orFail { () throws(SystemError) in try supervisor.supervise(service, control: control) }
        return ExitCode.done
    }

    /// Reads and checks everything TLS needs.
    static func listenerLayers(_ configuration: ServerConfiguration) throws(StartFailure) -> [String: StreamLayers] {
        do throws(ConfigurationErrors) {
            return try ListenerLayers.make(configuration)
        } catch {
            throw StartFailure(error)
        }
    }

    private static func sayWhatWasTaken(_ loaded: LoadedConfiguration, _ log: Log) {
        log.write(.brokerStarting) {
            [
                .init("version", HooklineVersion.text), .init("config", loaded.source.description),
                .init("pid", Int(getpid())),
            ]
        }
        for warning in loaded.warnings {
            log.write(.configWarning, .warn) {
                [.init("at", warning.position.description), .init("message", warning.message)]
            }
        }
        checkDescriptors(loaded.configuration, log)
    }

    private static func checkDescriptors(_ configuration: ServerConfiguration, _ log: Log) {
        let limit = DescriptorLimit.raise()
        let wanted = configuration.broker.limits.maxConnections
        // A broker of one test run is not going to have them.
        guard !configuration.isEphemeral,
            let message = DescriptorLimit.warning(maxConnections: wanted, limit: limit)
        else { return }
        log.write(.configWarning, .warn) {
            [.init("at", "broker.limits.max_connections"), .init("message", message)]
        }
    }

    private static func watchParent(_ options: ServeOptions) throws(OperationError) -> ParentProcess? {
        guard options.exitsWithParent else { return nil }
        return try ParentProcess()
    }

    /// Nil for an ephemeral broker, which writes nothing.
    private static func claimRunDirectory(
        _ configuration: ServerConfiguration, ephemeral: Bool, _ log: Log
    ) throws(StartFailure) -> ClaimedRunDirectory? {
        guard !ephemeral else { return nil }
        let data = configuration.broker.dataDirectory
        if !data.isEmpty { try orFail { () throws(OperationError) in try DataDirectory.prepare(data) } }
        let path = RunDirectory.path(
            dataDirectory: data, environment: ProcessEnvironment.current(), userID: geteuid())
        do throws(RunDirectoryError) {
            return try ClaimedRunDirectory(path: path)
        } catch {
            // A memory-only broker in a container may have no place to write; it serves all the same.
            guard case .system = error, data.isEmpty else { throw StartFailure(error) }
            log.write(.configWarning, .warn) {
                [.init("at", "run directory"), .init("message", "no control socket: \(error)")]
            }
            return nil
        }
    }

    private static func openControlSocket(_ directory: ClaimedRunDirectory?) throws(StartFailure) -> ListenerSocket? {
        guard let directory else { return nil }
        return try orFail { () throws(ListenError) in
            try ListenerSocket.listen(on: .unix(path: directory.socketPath, mode: 0o600)).first
        }
    }

    /// The ports file is there before the ready line: whoever waits for the line may read the file.
    private static func announce(
        _ supervisor: Supervisor, _ service: BrokerService, _ announcements: AnnouncementFiles, sessions: Int
    ) throws(StartFailure) {
        let listeners = service.listeners.map(\.open)
        try orFail { () throws(OperationError) in try announcements.write(listeners, plugins: service.pluginStatuses) }
        let took = MonotonicClock.now - supervisor.started
        var text = ""
        if !announcements.isOnStandardOutput {
            for listener in listeners { text += "listening on \(listener.url) (\(listener.name))\n" }
            for authority in Set(listeners.compactMap(\.authority)).sorted() {
                text += "clients trust the certificates in \(authority)\n"
            }
        }
        StandardOutput.write(text + "hookline ready in \(took / 1_000_000) ms\n")
        for listener in listeners {
            supervisor.log.write(.listenerOpened) {
                [.init("listener", listener.name), .init("url", listener.url)]
            }
        }
        supervisor.log.write(.brokerReady) {
            [
                .init("took", .duration(took)), .init("listeners", listeners.count),
                .init("plugins", service.pluginStatuses.count), .init("config", supervisor.running.source.description),
                .init("sessions", sessions),
            ]
        }
    }
}
