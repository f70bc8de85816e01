internal import Base64Coding
internal import StrictJSON

/// Keys that tokens are checked with, of one file or URL. Immutable.
package struct KeySet: Sendable {
    package let keys: [VerificationKey]

    package init(_ keys: [VerificationKey]) {
        self.keys = keys
    }

    /// The largest set that is read, in bytes.
    package static let maximumBytes = 1 << 20
    private static let maximumKeys = 1_000

    /// Reads a JSON Web Key Set (RFC 7517, 5). Keys for encryption and of kinds nobody here can use are passed over, as
    /// the RFC asks; a set without any usable key is refused.
    /// - Parameter takesSecrets: whether a shared secret in it (`oct`) is taken. Not from a URL: what everybody can
    ///   read there is no secret, and whoever knows it signs tokens.
    package init(jwks bytes: [UInt8], takesSecrets: Bool = true) throws(VerificationKey.Fault) {
        let root: JSONValue
        do throws(JSONError) {
            root = try JSONValue(parsing: bytes)
        } catch {
            throw VerificationKey.Fault(reason: "not JSON: \(error)")
        }
        guard let written = root["keys"]?.elements else {
            throw VerificationKey.Fault(reason: "no 'keys'; a JSON Web Key Set has them")
        }
        guard written.count <= Self.maximumKeys else {
            throw VerificationKey.Fault(reason: "\(written.count) keys; \(Self.maximumKeys) are read")
        }
        keys = written.compactMap(Self.key).filter { takesSecrets || $0.family != .secret }
        guard !keys.isEmpty else { throw VerificationKey.Fault(reason: "no key that signs and that can be used here") }
    }

    /// The keys that may have signed a token of this `kid` and algorithm.
    package func candidates(_ identifier: String?, _ algorithm: SignatureAlgorithm) -> [VerificationKey] {
        keys.filter { key in
            key.fits(algorithm) && (identifier == nil || key.identifier == nil || key.identifier == identifier)
        }
    }

    private static func key(_ jwk: JSONValue) -> VerificationKey? {
        if let use = jwk["use"], use.text != "sig" { return nil }
        if let operations = jwk["key_ops"]?.elements, !operations.contains(.string("verify")) { return nil }
        var only: SignatureAlgorithm?
        if let name = jwk["alg"] {
            guard let algorithm = name.text.flatMap(SignatureAlgorithm.init(rawValue:)) else { return nil }
            only = algorithm
        }
        let identifier = jwk["kid"]?.text
        if jwk["kty"]?.text == "oct" {
            guard let secret = bytes(jwk, "k") else { return nil }
            return try? VerificationKey(secret: secret, identifier: identifier, onlyAlgorithm: only)
        }
        guard let info = publicKeyInfo(jwk) else { return nil }
        return try? VerificationKey(publicKeyInfo: info, identifier: identifier, onlyAlgorithm: only)
    }

    /// A public key in the form of X.509 (RFC 5280, 4.1.2.7).
    private static func publicKeyInfo(_ jwk: JSONValue) -> [UInt8]? {
        switch (jwk["kty"]?.text, jwk["crv"]?.text) {
        case ("RSA", _):
            guard let modulus = bytes(jwk, "n"), let exponent = bytes(jwk, "e"), exponent.count <= 8 else { return nil }
            let rsa = DER.objectIdentifier([0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01])
            let key = DER.sequence(DER.integer(modulus), DER.integer(exponent))
            return DER.sequence(DER.sequence(rsa, DER.null), DER.bitString(key))
        case ("EC", let curve):
            let curves: [String: (identifier: [UInt8], size: Int)] = [
                "P-256": ([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07], 32),
                "P-384": ([0x2B, 0x81, 0x04, 0x00, 0x22], 48), "P-521": ([0x2B, 0x81, 0x04, 0x00, 0x23], 66),
            ]
            guard let curve = curve.flatMap({ curves[$0] }), let x = bytes(jwk, "x"), let y = bytes(jwk, "y"),
                x.count == curve.size, y.count == curve.size
            else { return nil }
            let publicKey = DER.objectIdentifier([0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01])
            return DER.sequence(
                DER.sequence(publicKey, DER.objectIdentifier(curve.identifier)), DER.bitString([0x04] + x + y))
        case ("OKP", "Ed25519"):
            guard let x = bytes(jwk, "x"), x.count == 32 else { return nil }
            return DER.sequence(DER.sequence(DER.objectIdentifier([0x2B, 0x65, 0x70])), DER.bitString(x))
        default: return nil
        }
    }

    private static func bytes(_ jwk: JSONValue, _ name: String) -> [UInt8]? {
        jwk[name]?.text.flatMap { Base64.decode($0.utf8, .url) }
    }
}
