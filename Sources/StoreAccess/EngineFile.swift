import Glibc

/// Which engine made a store: the file `engine` in its folder, one word and the number of its format.
public struct EngineFile: Sendable, Equatable {
    /// Such as `sqlite`; its plugin is `store-sqlite`.
    public var engine: String
    /// The engine's own number.
    public var format: Int

    /// Nil when there is no store in the folder, or none that says so.
    public init?(folder: String) {
        let file = open(folder + "/engine", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(file, &bytes, bytes.count)
        let words = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self).split { $0 == " " || $0 == "\n" }
        guard words.count == 2, let format = Int(words[1]), words[0].allSatisfy(Self.isPlain) else { return nil }
        (engine, self.format) = (String(words[0]), format)
    }

    private static func isPlain(_ character: Character) -> Bool {
        character.isASCII && (character.isLetter || character.isNumber || character == "-")
    }
}
