/// What a plugin is: read by the host before the plugin runs.
public struct PluginDescription: Sendable {
    /// Reverse DNS: "org.example.hello".
    public var id: String
    /// "1.0.0"
    public var version: String
    /// Who makes it.
    public var vendor: String
    /// SPDX identifier.
    public var licence: String
    /// Where to find it.
    public var url: String
    /// What it may be told in plugins.yaml.
    public var settings: [Setting]
    /// Hooks it will ask for.
    public var hooks: [Hook]
    /// Services by "name/revision" without which it does not run; `nil`: all that the SDK has methods for.
    public var requiredServices: [String]?
    /// May be configured more than once in one broker.
    public var allowsSeveralInstances: Bool
    /// New settings are taken by the instance that runs (`Plugin.prepare`, `Plugin.commit`); else by a new one.
    public var takesNewSettings: Bool

    /// Hooks use an object of their own event loop (`Plugin.startShard`). Say so in the note, too: `HL_PER_SHARD`.
    public var hasStatePerLoop = false
    /// Gives its state to the next generation (`PluginHost.offerState`). Say so in the note, too: `HL_HANDOVER`.
    public var handsOverState = false
    /// Services that are used where they are granted, by "name/revision", such as `http_server/1`.
    public var optionalServices: [String] = []

    /// A description; only id and version are needed.
    public init(
        id: String, version: String, vendor: String = "", licence: String = "", url: String = "",
        settings: [Setting] = [], hooks: [Hook] = [], requiredServices: [String]? = nil,
        allowsSeveralInstances: Bool = true, takesNewSettings: Bool = false
    ) {
        self.id = id
        self.version = version
        self.vendor = vendor
        self.licence = licence
        self.url = url
        self.settings = settings
        self.hooks = hooks
        self.requiredServices = requiredServices
        self.allowsSeveralInstances = allowsSeveralInstances
        self.takesNewSettings = takesNewSettings
    }
}

/// One key of a plugin's section in plugins.yaml. The host refuses what is not declared and what is of another type.
public struct Setting: Sendable {
    /// Types the host checks.
    public enum Kind: UInt64, Sendable {
        case text = 1
        case boolean = 2
        case integer = 3
        case number = 4
        /// `500ms`, `5m`
        case duration = 5
        /// `256KiB`
        case size = 6
        /// Relative to plugins.yaml.
        case path = 7
        case topic = 8
        case filter = 9
        /// Masked everywhere; the key with `_file` behind it names a file that holds it.
        case secret = 10
        case list = 11
        case map = 12
        case any = 13
    }

    /// The key.
    public var name: String
    /// Its type.
    public var kind: Kind
    /// As it would be typed; `nil`: none.
    public var defaultText: String?
    /// Must be given.
    public var isRequired: Bool
    /// One sentence for `hookline plugins describe`.
    public var help: String

    /// A setting that may be left out.
    public init(_ name: String, _ kind: Kind, default defaultText: String? = nil, help: String) {
        self.name = name
        self.kind = kind
        self.defaultText = defaultText
        self.isRequired = false
        self.help = help
    }

    /// A setting that must be given.
    public static func required(_ name: String, _ kind: Kind, help: String) -> Setting {
        var setting = Setting(name, kind, help: help)
        setting.isRequired = true
        return setting
    }
}
