import CCrypt
import Glibc

/// bcrypt, as libcrypt computes it.
enum Bcrypt {
    /// log2 of the rounds a file may ask for: at most about a second per log-in.
    static let allowedCost = 4...14

    /// Whether a text is `$2b$12$` and 53 characters of salt and hash, with a cost that is allowed.
    static func isWellFormed(_ parts: [String]) -> Bool {
        guard parts.count == 3, ["2a", "2b", "2y"].contains(parts[0]), parts[2].utf8.count == 53 else { return false }
        let alphabet = { (byte: UInt8) in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "."), UInt8(ascii: "/"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            default: false
            }
        }
        return parts[1].utf8.count == 2 && Int(parts[1]) != nil && parts[2].utf8.allSatisfy(alphabet)
    }

    /// A password with a null character never matches: bcrypt would see its beginning only.
    static func matches(_ password: RawSpan, _ hash: [UInt8]) -> Bool {
        var phrase = password.withUnsafeBytes { Array($0) }
        defer { Scrypt.wipe(&phrase) }
        let isWhole = !phrase.contains(0)
        phrase.append(0)
        let setting = hash + [0]
        var memory: UnsafeMutableRawPointer?
        var size: Int32 = 0
        defer {
            if let memory { explicit_bzero(memory, Int(size)) }
            free(memory)
        }
        let result = phrase.withUnsafeBytes { phrase in
            setting.withUnsafeBytes { setting in
                crypt_ra(
                    phrase.assumingMemoryBound(to: CChar.self).baseAddress,
                    setting.assumingMemoryBound(to: CChar.self).baseAddress, &memory, &size)
            }
        }
        guard let result else { return false }
        let computed = [UInt8](UnsafeRawBufferPointer(start: result, count: strlen(result)))
        return Scrypt.equal(computed, hash) && isWhole
    }
}
