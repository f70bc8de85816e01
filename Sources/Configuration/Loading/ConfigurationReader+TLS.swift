import PositionedYAML

/// The keys of listeners that use TLS.
extension ConfigurationReader {
    mutating func tls(_ values: [ListenerKey: YAMLEntry], of entry: YAMLEntry) -> TLSConfiguration? {
        let missing = [ListenerKey.cert, .key].filter { values[$0] == nil }.map(\.rawValue)
        if !missing.isEmpty { report(.listener(entry.name, .needsTLSFiles(missing: missing)), at: entry.position) }
        let certificate = pemFile(values[.cert]?.value, of: entry, mayBeMade: makesCertificates)
        let key = pemFile(values[.key]?.value, of: entry, mayBeMade: makesCertificates)
        let others = values[.certificates].map { otherCertificates($0.value, of: entry) } ?? []
        let authentication = choice(values[.clientAuth], TLSConfiguration.ClientAuthentication.none)
        if authentication != .none, values[.clientCA] == nil {
            report(
                .listener(entry.name, .clientCertificatesNeedCA), at: values[.clientAuth]?.position ?? entry.position)
        }
        let identity = choice(values[.identity], TLSConfiguration.Identity.username)
        if identity != .username, authentication == .none {
            report(
                .listener(entry.name, .identityNeedsClientCertificates),
                at: values[.identity]?.position ?? entry.position)
        }
        guard let certificate, let key else { return nil }
        var tls = TLSConfiguration(certificate: certificate, key: key)
        tls.otherCertificates = others
        tls.authority = pemFile(values[.ca]?.value, of: entry, mayBeMade: makesCertificates)
        tls.clientCA = pemFile(values[.clientCA]?.value, of: entry)
        tls.clientCRL = pemFile(values[.clientCRL]?.value, of: entry)
        tls.clientAuthentication = authentication
        tls.identity = identity
        tls.minimumVersion = choice(values[.minVersion], .v1_2)
        tls.ciphers = text(values[.ciphers])
        tls.cipherSuites = text(values[.cipherSuites])
        tls.groups = text(values[.groups])
        return tls
    }

    /// `certificates: [ { cert: a.pem, key: a.key } ]`
    private mutating func otherCertificates(
        _ node: YAMLNode, of listener: YAMLEntry
    ) -> [TLSConfiguration.CertificateFiles] {
        var result: [TLSConfiguration.CertificateFiles] = []
        for element in node.elements ?? [node] {
            guard let entries = mapping(element, at: element.position, name: "a certificate, { cert, key }")
            else { continue }
            for key in entries where key.name != "cert" && key.name != "key" {
                report(
                    .unknownKey(key.name, section: "certificates", hint: .known(["cert", "key"])), at: key.position)
            }
            let certificate = pemFile(entries.first { $0.name == "cert" }?.value, of: listener)
            let key = pemFile(entries.first { $0.name == "key" }?.value, of: listener)
            if let certificate, let key {
                result.append(.init(certificate: certificate, key: key))
            } else if entries.count < 2 {
                report(.listener(listener.name, .needsTLSFiles(missing: ["cert", "key"])), at: element.position)
            }
        }
        return result
    }

    private mutating func pemFile(
        _ node: YAMLNode?, of listener: YAMLEntry, mayBeMade: Bool = false
    ) -> String? {
        guard let node else { return nil }
        let text = attempt({ () throws(ValueProblem) in try node.scalarText(expected: "a path") }, at: node.position)
        guard let text else { return nil }
        let path = base.resolve(text, at: node.position)
        if mayBeMade, !FileAccess.exists(path) { return path }
        if support.schemes.contains(.mqtts), let reason = FileAccess.reasonNotReadable(path) {
            report(.listener(listener.name, .unreadableFile(path: text, reason: reason)), at: node.position)
        }
        return path
    }

    private mutating func text(_ entry: YAMLEntry?) -> String? {
        guard let node = entry?.value else { return nil }
        return attempt(
            { () throws(ValueProblem) in try node.scalarText(expected: "a list separated by colons") },
            at: node.position)
    }

    mutating func choice<Choice: RawRepresentable<String> & CaseIterable>(
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
}
