internal import PasswordFile
internal import PluginSDK

/// The users of one password file, as it stood when it was last valid.
final class UserTable: FileContent {
    static let sizeLimit = PasswordFile.maxBytes

    private let file: PasswordFile
    private let names: Set<[UInt8]>
    /// The file's name, for messages.
    let name: String

    init(_ bytes: [UInt8], file name: String) throws(FileRefusal) {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw FileRefusal(["\(name): not UTF-8 text"])
        }
        do throws(PasswordFileErrors) {
            file = try PasswordFile(text, file: name)
        } catch {
            throw FileRefusal(error.all.map(\.description))
        }
        self.name = name
        names = Set(file.users.map { Array($0.utf8) })
    }

    var summary: String { file.count == 1 ? "1 user" : "\(file.count) users" }

    func knows(_ user: [UInt8]) -> Bool { names.contains(user) }

    /// Some 100 ms, also for a user the file does not know.
    func verify(_ user: [UInt8], password: RawSpan) -> Bool { file.verify(user: user, password: password) }
}
