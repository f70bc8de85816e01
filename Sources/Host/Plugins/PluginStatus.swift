public import BrokerCore

/// What can be said about one plugin instance, for `plugins list` and `/ready`.
public struct PluginStatus: Sendable {
    /// Id in plugins.yaml.
    public var id: String
    /// The plugin's own id, reverse DNS.
    public var plugin: String
    /// Its version.
    public var version: String
    /// The file as configured.
    public var path: String
    /// Counts loads, from 1.
    public var generation: UInt32
    /// What the plugin says about itself: `ready`, `starting`, `degraded` or `failed`.
    public var health: String
    /// Why, in the plugin's words.
    public var healthText: String
    /// Where it can be reached, such as `api` and `http://127.0.0.1:8080`.
    public var addresses: [(name: String, url: String)]
    /// Hooks it is registered for, in the order of registration.
    public var hooks: [String]
    /// Hook calls that ended in an error or a missed deadline.
    public var failures: UInt64
    /// Calls on an event loop that took longer than the hook's deadline, of those that were looked at.
    public var overruns: UInt64 = 0
    /// The same by hook and kind.
    public var hookFailures: [HookFailures] = []
    /// Calls it has not answered yet.
    public var pending: Int
    /// Events it was too slow for.
    public var droppedEvents: UInt64
    /// Its number in ``HookMeasure``.
    public var number: UInt64 = 0
    /// What it holds.
    public var accounts = PluginAccounts()
    /// A call of it does not return to its event loop.
    public var isStuck = false
    /// Hooks that are left out because they did nothing but fail.
    public var leftOut: [String] = []
    /// SHA-256 of the code that runs; empty for what is part of the executable.
    public var sha256 = ""
    /// When this generation has proved itself, monotonic nanoseconds; nil: it has, or was not on trial.
    public var trialEnds: Int64?
    /// Why the file as it is now does not run: the reason of the last refusal, or of the roll-back.
    public var refused: String?
    /// Loads of its file that stay in the memory, the running one not counted; at 1,000 no other is loaded.
    public var mapped = 0
    /// What has happened to it since the broker started.
    public var counts = PluginCounts()
}

/// How often something has happened to one instance, all generations together, since the broker started.
public struct PluginCounts: Sendable, Equatable {
    /// A new generation took over.
    public var reloads: UInt64 = 0
    /// A changed file or setting was refused, and what ran went on.
    public var refusals: UInt64 = 0
    /// A generation was taken back on its trial.
    public var rollBacks: UInt64 = 0
    /// A hook was left out because it did nothing but fail.
    public var breakerOpenings: UInt64 = 0
    /// A call held an event loop for so long that nobody else was to wait for the plugin.
    public var hangs: UInt64 = 0
}
