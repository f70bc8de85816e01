internal import PasswordFile
internal import PluginSDK

/// The users of one password file, as it stood when it was last valid.
final class UserTable: FileContent {
    static let sizeLimit = PasswordFile.maxBytes

    private let file: PasswordFile

    init(_ bytes: [UInt8], file name: String) throws(FileRefusal) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileRefusal(["\(name): not UTF-8 text"])
        }
        do throws(PasswordFileErrors) {
            file = try PasswordFile(text, file: name)
        } catch {
            throw FileRefusal(error.all.map(\.description))
        }
    }

    var summary: String { file.count == 1 ? "1 user" : "\(file.count) users" }

    func knows(_ user: [UInt8]) -> Bool { file.knows(user) }

    /// Some 100 ms, also for a user the file does not know.
    func verify(_ user: [UInt8], password: RawSpan) -> Bool { file.verify(user: user, password: password) }

    func scramSecret(of user: [UInt8]) -> ScramSecret? { file.scramSecret(of: user) }
}
