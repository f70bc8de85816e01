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
    public static let current = TransportSupport(schemes: Set(ListenerURL.Scheme.allCases))

    /// Why a scheme cannot be served.
    func reason(against scheme: ListenerURL.Scheme) -> String? {
        schemes.contains(scheme) ? nil : "this build has no such transport"
    }
}

/// Keys of one listener.
enum ListenerKey: String, CaseIterable {
    case url, allowAnonymous = "allow_anonymous", mountPoint = "mount_point", strictness, cert, key, certificates, ca,
        clientCA = "client_ca",
        clientCRL = "client_crl", clientAuth = "client_auth", identity, minVersion = "min_version", ciphers,
        cipherSuites = "cipher_suites", groups, origins, proxyProtocol = "proxy_protocol"

    /// Schemes that know the key, as words; nil = all.
    func missing(for scheme: ListenerURL.Scheme) -> String? {
        switch self {
        case .url, .allowAnonymous, .mountPoint, .strictness: nil
        case .cert, .key, .certificates, .ca, .clientCA, .clientCRL, .clientAuth, .identity, .minVersion, .ciphers,
            .cipherSuites, .groups:
            scheme.usesTLS ? nil : "mqtts:// and wss://"
        case .origins: scheme.usesWebSocket ? nil : "ws:// and wss://"
        case .proxyProtocol: scheme == .unix ? "listeners with a port" : nil
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
        if let node = values[.mountPoint]?.value { listener.mountPoint = mountPoint(node) }
        if values[.strictness] != nil { listener.strictness = choice(values[.strictness], Strictness.strict) }
        if url.scheme.usesTLS { listener.tls = tls(values, of: entry) }
        if let node = values[.origins]?.value { listener.origins = texts(node, expected: "an origin") }
        if let node = values[.proxyProtocol]?.value { listener.proxies = proxies(node) }
        if let reason = support.reason(against: url.scheme) {
            report(
                .listener(entry.name, .unavailable(scheme: url.scheme.rawValue, reason: reason)),
                at: urlEntry.value.position)
        }
        configuration.listeners.append(listener)
    }

    /// Topics stand under it: no wildcard, and none of the broker's own.
    private mutating func mountPoint(_ node: YAMLNode) -> String {
        attempt(
            { () throws(ValueProblem) in
                let shape = "the beginning of topic names, such as \"tenants/7/\""
                let text = try node.scalarText(expected: shape)
                let isUsable =
                    !text.isEmpty && text.utf8.count <= 1024 && !text.hasPrefix("$")
                    && !text.unicodeScalars.contains { "+#\0".unicodeScalars.contains($0) }
                guard isUsable else { throw .wrongShape(found: "'\(text)'", expected: shape) }
                return text
            }, at: node.position) ?? ""
    }

    private func hint(forListenerKey name: String) -> KeyHint {
        let names = ListenerKey.allCases.map(\.rawValue)
        if case .listener(let key)? = ForeignNames.home(of: name) { return .calledHere(key) }
        if let nearest = NearestName.find(name, in: names) { return .nearest(nearest) }
        if let setting = SettingsTable.all.first(where: { $0.name == name }) { return .belongsIn(setting.section) }
        if case .setting(let path)? = ForeignNames.home(of: name) { return .calledHere(path) }
        return .known(names)
    }

    /// Addresses of proxies; a name would be looked up once and trusted forever.
    private mutating func proxies(_ node: YAMLNode) -> [String] {
        var result: [String] = []
        for element in node.elements ?? [node] {
            let text = attempt(
                { () throws(ValueProblem) in
                    let text = try element.scalarText(expected: "an address such as 10.0.0.0/8")
                    guard AddressText.isRange(text) else { throw .notAnAddressRange(text) }
                    return text
                }, at: element.position)
            if let text { result.append(text) }
        }
        return result
    }

    mutating func texts(_ node: YAMLNode, expected: String) -> [String] {
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
