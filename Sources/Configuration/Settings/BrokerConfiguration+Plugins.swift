/// What the broker does about plugins as such, beside what their own entries say.
extension BrokerConfiguration {
    /// `broker.reload`: files that change while the broker runs. `reload` of a plugin's entry overrides all but the
    /// watch of plugins.yaml.
    public struct Reload: Hashable, Sendable {
        /// A changed plugins.yaml is applied, and a changed shared object is swapped in, without being asked for.
        public var isAutomatic = true
        /// How long a file must have been left alone before it is looked at; zero = at once.
        public var debounce: Duration = .milliseconds(250)
        /// How long new code is on trial, with the old code warm behind it; zero = not at all.
        public var probation: Duration = .seconds(30)
        /// What new code has to survive in a process of its own before the broker maps it.
        public var preflight = Preflight.start
        /// How long that may take.
        public var preflightTimeout: Duration = .seconds(10)

        /// `preflight`
        public enum Preflight: String, CaseIterable, Hashable, Sendable {
            /// Nothing: the first to run it is the broker.
            case none
            /// Loading it, `create` and `prepare` with the real settings.
            case prepare
            /// That, `start`, one call of each common hook, and the way back to `destroy`.
            case start
        }

        /// The defaults.
        public init() {}
    }

    /// `broker.containment`: when a plugin is in trouble, and what follows.
    public struct Containment: Hashable, Sendable {
        /// A call that takes this long is logged with its stack; zero = never.
        public var hangReport: Duration = .seconds(1)
        /// From then on the instance is not called any more until the call returns; zero = never.
        public var hangStuck: Duration = .seconds(5)
        /// An event loop that is held this long ends the process, with the plugin's name in the crash file; zero =
        /// never.
        public var hangAbort: Duration = .seconds(60)
        /// Crashes of the same file of a plugin within `crashWindow` after which it is not loaded any more; zero =
        /// never.
        public var crashes = 3
        /// See `crashes`.
        public var crashWindow: Duration = .seconds(600)
        /// A hook of an instance of which so many calls in a row fail on an event loop is not called for
        /// `breakerPause`; zero = never.
        public var breakerFailures = 5
        /// How long; then the first good answer closes the breaker, and the first failure opens it again.
        public var breakerPause: Duration = .seconds(10)

        /// The defaults.
        public init() {}
    }
}

/// `reload` of one plugin's entry; nil = as `broker.reload` says.
public struct PluginReload: Hashable, Sendable {
    /// `auto`
    public var isAutomatic: Bool?
    /// `debounce`
    public var debounce: Duration?
    /// `probation`
    public var probation: Duration?
    /// `preflight`
    public var preflight: BrokerConfiguration.Reload.Preflight?

    /// Nothing of its own.
    public init() {}

    /// What holds for the entry.
    public func merged(with general: BrokerConfiguration.Reload) -> BrokerConfiguration.Reload {
        var merged = general
        if let isAutomatic { merged.isAutomatic = isAutomatic }
        if let debounce { merged.debounce = debounce }
        if let probation { merged.probation = probation }
        if let preflight { merged.preflight = preflight }
        return merged
    }
}
