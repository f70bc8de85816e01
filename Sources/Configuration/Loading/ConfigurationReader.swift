import PositionedYAML

/// Reads the merged tree into typed values and collects everything that is wrong with it.
struct ConfigurationReader {
    let base: PathBase
    let support: TransportSupport
    /// The broker makes what is missing of a listener's own certificate: for a run that keeps nothing.
    var makesCertificates = false
    var configuration = ServerConfiguration()
    var origins: [String: Origin] = [:]
    var errors: [ConfigurationError] = []

    init(base: PathBase, support: TransportSupport) {
        self.base = base
        self.support = support
    }

    mutating func read(_ root: YAMLNode) {
        guard let entries = mapping(root, at: root.position, name: "the file") else { return }
        for entry in entries {
            switch entry.name {
            case "broker": section(entry, path: "broker")
            case "plugins": plugins(entry)
            default: unknown(entry, in: "")
            }
        }
        compare()
    }

    mutating func report(_ problem: ConfigurationError.Problem, at position: SourcePosition) {
        errors.append(ConfigurationError(problem, at: position))
    }

    /// Entries of a mapping, where nothing at all counts as an empty one.
    mutating func mapping(_ node: YAMLNode, at position: SourcePosition, name: String) -> [YAMLEntry]? {
        if node.isNull { return [] }
        if let entries = node.entries { return entries }
        report(.value(.wrongShape(found: node.summary, expected: "a mapping for \(name)")), at: node.position)
        return nil
    }

    private mutating func section(_ entry: YAMLEntry, path: String) {
        guard let entries = mapping(entry.value, at: entry.position, name: path) else { return }
        for entry in entries {
            let inner = "\(path).\(entry.name)"
            if inner == "broker.listeners" {
                listeners(entry)
            } else if SettingsTable.sections.contains(inner) {
                section(entry, path: inner)
            } else if let setting = SettingsTable.setting(at: inner) {
                value(entry, of: setting)
            } else {
                unknown(entry, in: path)
            }
        }
    }

    private mutating func value(_ entry: YAMLEntry, of setting: Setting) {
        if case .later(let reason) = setting.availability {
            report(.notAvailable(subject: "'\(setting.path)'", reason: reason), at: entry.position)
            return
        }
        do throws(ValueProblem) {
            try setting.write(entry.value, base, &configuration.broker)
            origins[setting.path] = Origin(entry.value.position)
        } catch {
            report(.value(error), at: entry.value.position)
        }
    }

    private mutating func unknown(_ entry: YAMLEntry, in section: String) {
        report(.unknownKey(entry.name, section: section, hint: hint(for: entry.name, in: section)), at: entry.position)
    }

    private func hint(for name: String, in section: String) -> KeyHint {
        switch ForeignNames.home(of: name) {
        case .setting(let path)?:
            return .calledHere(path.hasPrefix(section + ".") ? String(path.dropFirst(section.count + 1)) : path)
        case .listener(let key)?: return .calledHere("broker.listeners.NAME.\(key)")
        case .words(let words)?: return .words(words)
        case nil: break
        }
        if ListenerKey(rawValue: name) != nil { return .belongsIn("broker.listeners.NAME") }
        if SettingsTable.sections.contains("broker.\(name)") || name == "listeners" { return .belongsIn("broker") }
        if let setting = SettingsTable.all.first(where: { $0.name == name }) { return .belongsIn(setting.section) }
        let siblings = keys(of: section)
        if let nearest = NearestName.find(name, in: siblings) { return .nearest(nearest) }
        if let nearest = NearestName.find(name, in: SettingsTable.all.map(\.name)),
            let setting = SettingsTable.all.first(where: { $0.name == nearest })
        {
            return .nearest(setting.path)
        }
        return .known(siblings)
    }

    private func keys(of section: String) -> [String] {
        if section.isEmpty { return ["broker", "plugins"] }
        let inner = SettingsTable.sections.filter { $0.hasPrefix(section + ".") }.map {
            $0.dropFirst(section.count + 1)
        }
        let settings = SettingsTable.all.filter { $0.section == section && $0.availability == .now }
        return settings.map(\.name) + inner.map(String.init).sorted()
            + (section == "broker" ? ["listeners"] : [])
    }

    /// What single values cannot see.
    private mutating func compare() {
        let limits = configuration.broker.limits
        guard limits.maxPayloadSize > limits.maxPacketSize, let origin = origins["broker.limits.max_payload_size"]
        else { return }
        report(
            .conflict(
                "max_payload_size (\(ByteSize.text(limits.maxPayloadSize))) is larger than max_packet_size "
                    + "(\(ByteSize.text(limits.maxPacketSize))), which holds it; raise that one as well"),
            at: origin.position)
    }
}

extension Origin {
    /// Where to point at in a message.
    var position: SourcePosition {
        switch self {
        case .commandLine(let name), .environment(let name): SourcePosition(source: name)
        case .overlay(let path): SourcePosition(source: Self.overlayPrefix + path)
        case .file(let position): position
        case .builtIn: SourcePosition(source: "built-in defaults")
        }
    }
}
