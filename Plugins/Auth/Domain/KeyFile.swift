internal import PluginSDK
internal import Tokens

/// Keys of one file: a public key or a certificate in PEM, or a JSON Web Key Set.
final class KeyFile: FileContent {
    static let sizeLimit = KeySet.maximumBytes

    let keySet: KeySet

    init(_ bytes: [UInt8], file: String) throws(FileRefusal) {
        do throws(VerificationKey.Fault) {
            let first = bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
            keySet = first == UInt8(ascii: "{") ? try KeySet(jwks: bytes) : KeySet([try VerificationKey(pem: bytes)])
        } catch {
            throw FileRefusal(["\(file): \(error.reason)"])
        }
    }

    var summary: String { keySet.keys.count == 1 ? "1 key" : "\(keySet.keys.count) keys" }
}

/// A secret that tokens are signed with, HS256 and its family. A newline at the end of the file is not part of it.
final class SecretFile: FileContent {
    static let sizeLimit = 65_536

    let keySet: KeySet

    init(_ bytes: [UInt8], file: String) throws(FileRefusal) {
        var secret = bytes
        if secret.last == UInt8(ascii: "\n") { secret.removeLast() }
        if secret.last == UInt8(ascii: "\r") { secret.removeLast() }
        do throws(VerificationKey.Fault) {
            keySet = KeySet([try VerificationKey(secret: secret)])
        } catch {
            throw FileRefusal(["\(file): \(error.reason)"])
        }
    }

    var summary: String { "1 secret" }
}
