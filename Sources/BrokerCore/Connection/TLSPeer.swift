/// What TLS has found out about a client: the certificate it has shown, which chains to an authority of the listener,
/// or the pre-shared key it has. Immutable; shared by reference.
public final class TLSPeer: Sendable {
    /// The identity in the certificate by the rule of the listener, UTF-8; empty when there is none.
    public let name: [UInt8]
    /// As in RFC 4514, UTF-8.
    public let subject: [UInt8]
    /// Of the subject, UTF-8.
    public let commonName: [UInt8]
    /// DER; empty once the client has been let in.
    public let certificate: [UInt8]
    /// SHA-256 of the certificate, 32 bytes; empty without a certificate.
    public let fingerprint: [UInt8]
    /// What the client calls itself beside its pre-shared key; empty without one.
    public let keyIdentity: [UInt8]

    /// A client with a certificate.
    public init(
        name: [UInt8], subject: [UInt8], commonName: [UInt8], certificate: [UInt8], fingerprint: [UInt8],
        keyIdentity: [UInt8] = []
    ) {
        self.name = name
        self.subject = subject
        self.commonName = commonName
        self.certificate = certificate
        self.fingerprint = fingerprint
        self.keyIdentity = keyIdentity
    }

    /// A client with a pre-shared key and no certificate.
    public convenience init(keyIdentity: [UInt8]) {
        self.init(name: [], subject: [], commonName: [], certificate: [], fingerprint: [], keyIdentity: keyIdentity)
    }

    var withoutCertificate: TLSPeer {
        TLSPeer(
            name: name, subject: subject, commonName: commonName, certificate: [], fingerprint: fingerprint,
            keyIdentity: keyIdentity)
    }
}
