import PositionedYAML

/// A value put over those of the file: from the environment or the command line.
struct Override {
    /// `["broker", "limits", "max_packet_size"]`; list entries of `plugins` are addressed by id.
    var path: [String]
    /// The value; `position` names the source.
    var value: YAMLNode

    /// A value from a text: a YAML list or mapping when it starts like one, else a scalar.
    init(path: [String], text: String, source: SourcePosition) throws(ConfigurationErrors) {
        self.path = path
        guard text.hasPrefix("[") || text.hasPrefix("{") else {
            value = YAMLNode(.scalar(text, text.isEmpty ? .doubleQuoted : .plain), at: source)
            return
        }
        do throws(YAMLErrors) {
            value = try YAMLParser.parse(text, file: source.file).moved(to: source)
        } catch {
            throw ConfigurationErrors(error.all.map { ConfigurationError(.yaml($0.problem), at: source) })
        }
    }

    /// Puts the value into a tree. What stands in the way (a scalar where a mapping belongs) is left for the reader
    /// of the tree to complain about.
    func apply(to root: inout YAMLNode) throws(ConfigurationError) {
        guard path.first == "plugins", path.count >= 2 else { return root.set(path[...], to: value) }
        guard let plugins = root["plugins"], var list = plugins.elements,
            let index = list.firstIndex(where: { $0.pluginID == path[1] })
        else {
            throw ConfigurationError(
                .unknownOverride("no plugin '\(path[1])' in the list 'plugins'"), at: value.position)
        }
        if list[index].text != nil {
            // The one-word form has no room for a value: `- metrics` becomes `- { id: metrics }`.
            let id = YAMLEntry(name: "id", position: list[index].position, value: list[index])
            list[index] = YAMLNode(.mapping([id]), at: list[index].position)
        }
        list[index].set(path[2...], to: value)
        root.set(["plugins"], to: YAMLNode(.sequence(list), at: plugins.position))
    }
}

extension YAMLNode {
    /// Id of an entry of the list `plugins`.
    var pluginID: String? { text ?? self["id"]?.text }

    /// The same tree with every position replaced, for values typed on one line.
    func moved(to position: SourcePosition) -> YAMLNode {
        switch content {
        case .scalar: YAMLNode(content, at: position)
        case .sequence(let elements): YAMLNode(.sequence(elements.map { $0.moved(to: position) }), at: position)
        case .mapping(let entries):
            YAMLNode(
                .mapping(
                    entries.map { YAMLEntry(name: $0.name, position: position, value: $0.value.moved(to: position)) }),
                at: position)
        }
    }

    /// Sets the value at a path of keys, making mappings on the way where there is nothing yet.
    mutating func set(_ path: ArraySlice<String>, to value: YAMLNode) {
        guard let key = path.first else {
            self = value
            return
        }
        guard isNull || entries != nil else { return }
        var entries = self.entries ?? []
        if let index = entries.firstIndex(where: { $0.name == key }) {
            entries[index].value.set(path.dropFirst(), to: value)
            if path.count == 1 { entries[index].position = value.position }
        } else {
            var inner = YAMLNode(.mapping([]), at: value.position)
            inner.set(path.dropFirst(), to: value)
            entries.append(YAMLEntry(name: key, position: value.position, value: inner))
        }
        content = .mapping(entries)
    }
}
