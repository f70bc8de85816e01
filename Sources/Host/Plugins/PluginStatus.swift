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
}
