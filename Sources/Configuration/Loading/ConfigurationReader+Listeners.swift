import PositionedYAML

/// Which schemes this build can serve; the others parse, are checked, and are refused by name.
public struct TransportSupport: Hashable, Sendable {
    /// Schemes that can be served.
    public var schemes: Set<ListenerURL.Scheme>

    /// Exactly these schemes.
    public init(schemes: Set<ListenerURL.Scheme>) {
        self.schemes = schemes
    }

    /// What this version of the broker serves.
    public static let current = TransportSupport(schemes: [.mqtt, .unix])

    /// Why a scheme cannot be served.
    func reason(against scheme: ListenerURL.Scheme) -> String? {
        if schemes.contains(scheme) { return nil }
        return switch scheme {
        case .mqtts: "TLS is not built in yet; use mqtt:// behind a TLS proxy"
        case .ws: "WebSocket is not built in yet"
        case .wss: "TLS and WebSocket are not built in yet"
        case .mqtt, .unix: "this build has no such transport"
        }
    }
}

/// Keys of one listener.
enum ListenerKey: String, CaseIterable {
    case url, allowAnonymous = "allow_anonymous", cert, key, clientCA = "client_ca", clientAuth = "client_auth",
        identity, origins

    /// Schemes that know the key, as words; nil = all.
    func missing(for scheme: ListenerURL.Scheme) -> String? {
        switch self {
        case .url, .allowAnonymous: nil
        case .cert, .key, .clientCA, .clientAuth, .identity: scheme.usesTLS ? nil : "mqtts:// and wss://"
        case .origins: scheme.usesWebSocket ? nil : "ws:// and wss://"
        }
    }
}

extension ConfigurationReader {
    mutating func listeners(_ section: YAMLEntry) {
        if let list = section.value.elements {
            let position = list.first?.position ?? section.value.position
            let shape = "a mapping of names, such as { tcp: { url: \"mqtt://localhost:1883\" } }"
            report(.value(.wrongShape(found: "a list", expected: shape)), at: position)
            return
        }
        guard let entries = mapping(section.value, at: section.position, name: "broker.listeners") else { return }
        for entry in entries {
            guard entry.name.isDashedName else {
                report(.badListenerName(entry.name), at: entry.position)
                continue
            }
            listener(entry)
        }
    }

    private mutating func listener(_ entry: YAMLEntry) {
        // `tcp: "mqtt://localhost:1883"` says everything there is to say.
        let short = entry.value.text.map { _ in
            [YAMLEntry(name: "url", position: entry.position, value: entry.value)]
        }
        guard let keys = short ?? mapping(entry.value, at: entry.position, name: "listener '\(entry.name)'")
        else { return }
        var values: [ListenerKey: YAMLEntry] = [:]
        for key in keys {
            if let known = ListenerKey(rawValue: key.name) {
                values[known] = key
            } else {
                report(
                    .unknownKey(key.name, section: "listener '\(entry.name)'", hint: hint(forListenerKey: key.name)),
                    at: key.position)
            }
        }
        guard let urlEntry = values[.url] else {
            report(.listener(entry.name, .noURL), at: entry.position)
            return
        }
        guard
            var url = attempt(
                { () throws(ValueProblem) in
                    try ListenerURL.parse(
                        try urlEntry.value.scalarText(expected: "a URL such as mqtt://localhost:1883"))
                }, at: urlEntry.value.position)
        else { return }
        if url.scheme == .unix { url.path = base.resolve(url.path, at: urlEntry.value.position) }

        var listener = ListenerConfiguration(name: entry.name, url: url, position: entry.position)
        for (key, value) in values.sorted(by: { $0.value.position < $1.value.position }) {
            if let schemes = key.missing(for: url.scheme) {
                report(.listener(entry.name, .keyNeedsScheme(key: key.rawValue, schemes: schemes)), at: value.position)
            }
        }
        if let node = values[.allowAnonymous]?.value {
            listener.allowsAnonymous =
                attempt(
                    { () throws(ValueProblem) in
                        try BooleanText.parse(try node.scalarText(expected: "true or false"))
                    }, at: node.position) ?? false
        }
        if url.scheme.usesTLS { listener.tls = tls(values, of: entry) }
        if let node = values[.origins]?.value { listener.origins = texts(node, expected: "an origin") }
        if let reason = support.reason(against: url.scheme) {
            report(
                .listener(entry.name, .unavailable(scheme: url.scheme.rawValue, reason: reason)),
                at: urlEntry.value.position)
        }
        configuration.listeners.append(listener)
    }

    private func hint(forListenerKey name: String) -> KeyHint {
        let names = ListenerKey.allCases.map(\.rawValue)
        if case .listener(let key)? = ForeignNames.home(of: name) { return .calledHere(key) }
        if let nearest = NearestName.find(name, in: names) { return .nearest(nearest) }
        if let setting = SettingsTable.all.first(where: { $0.name == name }) { return .belongsIn(setting.section) }
        if case .setting(let path)? = ForeignNames.home(of: name) { return .calledHere(path) }
        return .known(names)
    }

    private mutating func tls(_ values: [ListenerKey: YAMLEntry], of entry: YAMLEntry) -> TLSConfiguration? {
        let missing = [ListenerKey.cert, .key].filter { values[$0] == nil }.map(\.rawValue)
        if !missing.isEmpty { report(.listener(entry.name, .needsTLSFiles(missing: missing)), at: entry.position) }
        let certificate = pemFile(values[.cert], of: entry)
        let key = pemFile(values[.key], of: entry)
        let clientCA = pemFile(values[.clientCA], of: entry)
        let authentication = choice(values[.clientAuth], TLSConfiguration.ClientAuthentication.none)
        let identity = choice(values[.identity], TLSConfiguration.Identity.username)
        if authentication != .none, values[.clientCA] == nil {
            report(
                .listener(entry.name, .clientCertificatesNeedCA), at: values[.clientAuth]?.position ?? entry.position)
        }
        guard let certificate, let key else { return nil }
        return TLSConfiguration(
            certificate: certificate, key: key, clientCA: clientCA, clientAuthentication: authentication,
            identity: identity)
    }

    private mutating func pemFile(_ entry: YAMLEntry?, of listener: YAMLEntry) -> String? {
        guard let entry else { return nil }
        let text = attempt(
            { () throws(ValueProblem) in try entry.value.scalarText(expected: "a path") }, at: entry.value.position)
        guard let text else { return nil }
        let path = base.resolve(text, at: entry.value.position)
        // Until TLS is served the file's absence changes nothing, and one error per listener is enough.
        if support.schemes.contains(.mqtts), let reason = FileAccess.reasonNotReadable(path) {
            report(.listener(listener.name, .unreadableFile(path: text, reason: reason)), at: entry.value.position)
        }
        return path
    }

    private mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ entry: YAMLEntry?, _ standard: Choice
    ) -> Choice {
        guard let node = entry?.value else { return standard }
        let names = Choice.allCases.map(\.rawValue)
        guard let text = node.text, let choice = Choice(rawValue: text) else {
            let text = node.text ?? node.summary
            let nearest = NearestName.find(text, in: names)
            report(.value(.notOneOf(text, choices: names, nearest: nearest)), at: node.position)
            return standard
        }
        return choice
    }

    private mutating func texts(_ node: YAMLNode, expected: String) -> [String] {
        var result: [String] = []
        for element in node.elements ?? [node] {
            let text = attempt(
                { () throws(ValueProblem) in try element.scalarText(expected: expected) }, at: element.position)
            if let text { result.append(text) }
        }
        return result
    }

    /// The value, or nil and a reported error.
    mutating func attempt<Value>(_ body: () throws(ValueProblem) -> Value, at position: SourcePosition) -> Value? {
        do throws(ValueProblem) {
            return try body()
        } catch {
            report(.value(error), at: position)
            return nil
        }
    }
}

extension String {
    /// `[a-z0-9]` words joined by single `-`: unambiguous as part of an environment variable's name.
    var isDashedName: Bool {
        !isEmpty && utf8.count <= 64
            && split(separator: "-", omittingEmptySubsequences: false).allSatisfy { word in
                !word.isEmpty
                    && word.utf8.allSatisfy {
                        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
                            || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0)
                    }
            }
    }
}
