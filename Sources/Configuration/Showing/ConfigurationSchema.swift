/// What a value looks like, in the terms of JSON Schema.
enum ValueShape: Sendable {
    case boolean
    case integer(ClosedRange<Int>)
    case size
    case duration
    case rate
    case choice([String])
    case path
    case paths
    /// Levels of the log by part.
    case levels

    /// The schema of a value. A `${VARIABLE}` may stand wherever a value stands.
    var schema: JSONText {
        switch self {
        case .boolean: Self.orVariable(["type": "boolean"])
        case .integer(let range):
            Self.orVariable([
                "type": "integer", "minimum": JSONText(range.lowerBound), "maximum": JSONText(range.upperBound),
            ])
        case .size:
            Self.orVariable(["type": "integer", "minimum": 0], Self.text("^[0-9]+(B|KiB|MiB|GiB)?$"))
        case .duration: Self.orVariable(Self.text("^[0-9]+(ms|s|m|h|d)$"), ["const": 0])
        case .rate: Self.orVariable(Self.text("^([0-9]+/(s|m|h)|unlimited)$"))
        case .choice(let words): Self.orVariable(["enum": .array(words.map { .string($0) })])
        case .path: ["type": ["string", "null"]]
        case .paths: ["anyOf": [["type": "string"], ["type": "array", "items": ["type": "string"]]]]
        case .levels: ["type": "object", "additionalProperties": Self.levelSchema]
        }
    }

    private static var levelSchema: JSONText {
        orVariable(["enum": .array(LogLevel.allCases.map { .string($0.rawValue) })])
    }

    private static func text(_ pattern: String) -> JSONText { ["type": "string", "pattern": .string(pattern)] }

    private static func orVariable(_ schemas: JSONText...) -> JSONText {
        ["anyOf": .array(schemas + [["$ref": "#/$defs/variable"]])]
    }
}

/// `hookline config schema`: plugins.yaml as JSON Schema (draft 2020-12), for editors that complete and check while one
/// types. It is made from the same table as everything else; `hookline check` knows more.
public enum ConfigurationSchema {
    /// The schema, one line.
    public static func json() -> JSONText {
        .object([
            ("$schema", "https://json-schema.org/draft/2020-12/schema"),
            ("title", "Hookline: plugins.yaml"), ("type", "object"), ("additionalProperties", false),
            ("properties", ["broker": section("broker"), "plugins": ["type": "array", "items": plugin]]),
            ("$defs", ["variable": ["type": "string", "pattern": "\\$\\{.+\\}"]]),
        ])
    }

    private static func section(_ path: String) -> JSONText {
        var members: [(key: String, value: JSONText)] = []
        for setting in SettingsTable.all where setting.section == path && setting.availability == .now {
            guard case .object(let shape) = setting.shape.schema else { continue }
            let notes: [(key: String, value: JSONText)] = [
                ("description", .string(setting.help)), ("default", defaultValue(setting)),
            ]
            members.append((setting.name, .object(notes + shape)))
        }
        let inner = SettingsTable.sections.filter { name in
            name.hasPrefix(path + ".") && !name.dropFirst(path.count + 1).contains(".")
        }
        for name in inner.sorted() { members.append((String(name.dropFirst(path.count + 1)), section(name))) }
        if path == "broker" { members.append(("listeners", listeners)) }
        return object(members)
    }

    /// The default as its type: numbers and booleans are no texts.
    private static func defaultValue(_ setting: Setting) -> JSONText {
        let text = setting.defaultText
        switch setting.shape {
        case .boolean: return .boolean(text == "true")
        case .integer: return Int64(text).map { .integer($0) } ?? .string(text)
        case .paths: return []
        case .path: return ""
        case .levels: return [:]
        case .size, .duration, .rate, .choice: return .string(text)
        }
    }

    private static var listeners: JSONText {
        var members: [(key: String, value: JSONText)] = []
        for key in ListenerKey.allCases { members.append((key.rawValue, listenerValue(key))) }
        let entry: JSONText = [
            "type": "object", "additionalProperties": false, "required": ["url"], "properties": .object(members),
        ]
        return [
            "type": "object", "additionalProperties": false,
            "patternProperties": ["^[a-z0-9]+(-[a-z0-9]+)*$": entry],
        ]
    }

    private static func listenerValue(_ key: ListenerKey) -> JSONText {
        let text: JSONText = ["type": "string"]
        switch key {
        case .url:
            return ["type": "string", "pattern": "^(mqtt|mqtts|ws|wss|unix)://|\\$\\{"]
        case .allowAnonymous: return ValueShape.boolean.schema
        case .strictness: return ValueShape.choice(Strictness.allCases.map(\.rawValue)).schema
        case .clientAuth:
            return ValueShape.choice(TLSConfiguration.ClientAuthentication.allCases.map(\.rawValue)).schema
        case .identity: return ValueShape.choice(TLSConfiguration.Identity.allCases.map(\.rawValue)).schema
        case .minVersion:
            // Unquoted, YAML reads it as a number.
            let versions = TLSConfiguration.Version.allCases.map(\.rawValue)
            return ["enum": .array(versions.map { .string($0) } + versions.compactMap(Double.init).map { .number($0) })]
        case .certificates:
            return [
                "type": "array",
                "items": [
                    "type": "object", "additionalProperties": false, "required": ["cert", "key"],
                    "properties": ["cert": text, "key": text],
                ],
            ]
        case .origins, .proxyProtocol: return ["type": "array", "items": text]
        case .mountPoint, .cert, .key, .ca, .clientCA, .clientCRL, .ciphers, .cipherSuites, .groups: return text
        }
    }

    private static var plugin: JSONText {
        let name: JSONText = ["type": "string", "pattern": "^[a-z0-9]+(-[a-z0-9]+)*$"]
        let reload: JSONText = object([
            ("auto", ValueShape.boolean.schema), ("debounce", ValueShape.duration.schema),
            ("probation", ValueShape.duration.schema),
            (
                "preflight",
                ValueShape.choice(BrokerConfiguration.Reload.Preflight.allCases.map(\.rawValue)).schema
            ),
        ])
        let entry: JSONText = [
            "type": "object", "additionalProperties": false, "required": ["id"],
            "properties": [
                "id": name,
                "plugin": ["type": "string", "pattern": "^(builtin:)?[a-z0-9]+(-[a-z0-9]+)*$"],
                "path": ["type": "string"], "enabled": ValueShape.boolean.schema,
                "optional": ValueShape.boolean.schema,
                "config": ["type": ["object", "null"]], "grants": ["type": "array", "items": ["type": "string"]],
                "hooks": ["type": ["object", "null"]],
                "sha256": ["type": "string", "pattern": "^[0-9a-fA-F]{64}$"],
                "unload": ["enum": ["allow", "never"]], "reload": reload,
            ],
        ]
        return ["anyOf": [name, entry]]
    }

    private static func object(_ members: [(key: String, value: JSONText)]) -> JSONText {
        .object([
            ("type", ["object", "null"]), ("additionalProperties", false), ("properties", .object(members)),
        ])
    }
}
