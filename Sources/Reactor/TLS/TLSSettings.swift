/// What the TLS side of a listener is like. Paths are PEM files.
public struct TLSSettings: Hashable, Sendable {
    /// A certificate with its chain, and the private key that belongs to it.
    public struct KeyPair: Hashable, Sendable {
        /// The certificate first, then those that signed it, without the root.
        public var certificate: String
        /// Readable by its owner and group only, and owned by root or by the user the broker runs as.
        public var key: String

        /// Names the two files.
        public init(certificate: String, key: String) {
            self.certificate = certificate
            self.key = key
        }
    }

    /// Whether clients are asked for a certificate.
    public enum ClientAuthentication: Hashable, Sendable {
        case none
        /// A client may show one; one that cannot be verified ends the handshake.
        case request
        case require
    }

    /// Which name of a client's certificate is its identity.
    public enum Identity: Hashable, Sendable {
        /// The common name of the subject.
        case commonName
        /// The first DNS name, URI or e-mail address among the subject alternative names.
        case alternativeName
        /// SHA-256 of the whole certificate, as 64 hexadecimal digits in lower case: what an authority writes into a
        /// certificate does not matter, and a new certificate is another client.
        case fingerprint
    }

    /// Oldest version of the protocol that is spoken.
    public enum Version: Hashable, Sendable {
        case v1_2, v1_3
    }

    /// At least one. The first is used for clients that name no server or one that no certificate is for; of the
    /// others the one whose certificate holds the name.
    public var keyPairs: [KeyPair]
    /// Certificates that sign clients.
    public var clientCA: String?
    /// Certificates that were revoked; holds one list for each issuer of clients.
    public var clientCRL: String?
    /// Whether clients are asked for a certificate; needs `clientCA`.
    public var clientAuthentication = ClientAuthentication.none
    /// Which name a verified certificate gives.
    public var identity = Identity.commonName
    /// TLS 1.2 or newer.
    public var minimumVersion = Version.v1_2
    /// TLS 1.2 cipher suites in OpenSSL's notation. Those for pre-shared keys are taken only where such keys are known.
    public var ciphers =
        "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE-PSK-CHACHA20-POLY1305:DHE-PSK-AES128-GCM-SHA256:PSK-AES128-GCM-SHA256"
    /// TLS 1.3 cipher suites, separated by colons; empty leaves OpenSSL's choice.
    public var cipherSuites = ""
    /// Groups of the key exchange, separated by colons, best first; empty leaves OpenSSL's choice.
    public var groups = ""
    /// Application protocols (ALPN) in wire order. A client that offers others only is refused [RFC 7301, 3.2].
    public var applicationProtocols: [String] = []
    /// Appends the secrets of every connection to this file (NSS key log format), for tests only.
    public var keyLogFile: String?

    /// Settings with the given certificates and defaults for the rest.
    public init(keyPairs: [KeyPair]) {
        self.keyPairs = keyPairs
    }

    /// Every file the settings name.
    public var files: [String] {
        keyPairs.flatMap { [$0.certificate, $0.key] } + [clientCA, clientCRL].compactMap { $0 }
    }
}

/// Why TLS settings cannot be used: names the file or setting, the reason and the remedy, in one line.
public struct TLSError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The sentence.
    public let description: String

    init(_ description: String) {
        self.description = description
    }
}
