/// Why a pair of key and value cannot be read.
public enum StoreFormatError: Error, Equatable, Sendable {
    /// The key belongs to no table of this version.
    case unknownKey
    /// The checksum is not that of key and value: one of them was changed, torn, or is in a wrong place.
    case checksum
    /// The value was written by a newer version of Hookline.
    case newer(version: UInt8)
    /// The checksum is right and the content is not: written by something else.
    case malformed
}

extension StoreFormatError: CustomStringConvertible {
    /// One sentence without its subject, which is the key.
    public var description: String {
        switch self {
        case .unknownKey: "belongs to no table of this version"
        case .checksum: "does not have the checksum it was written with"
        case .newer(let version): "was written in format \(version), this version reads up to \(StoreFormat.version)"
        case .malformed: "has the right checksum and a content that is none"
        }
    }
}

/// The version of what is written.
public enum StoreFormat {
    /// Of keys and values. A store says it in its record ``StoreRecord/format(version:)``.
    public static let version: UInt8 = 1
}
