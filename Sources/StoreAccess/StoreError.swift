public import PluginABI

/// What a store, or the plugin that has it, answered instead of doing what it was asked for.
public struct StoreError: Error, CustomStringConvertible {
    /// HL_* of types.h.
    public var status: hl_status
    /// What was asked for and why it was not done, for a person.
    public var description: String

    /// An error; `words` may be empty.
    public init(_ status: hl_status, _ what: String, _ words: String = "") {
        self.status = status
        description = "\(what): \(words.isEmpty ? Self.name(of: status) : words)"
    }

    /// Such as `HL_NO_SPACE`.
    public static func name(of status: hl_status) -> String {
        let names: [hl_status: String] = [
            HL_OK: "HL_OK", HL_FAILED: "HL_FAILED", HL_INVALID: "HL_INVALID", HL_NO_MEMORY: "HL_NO_MEMORY",
            HL_UNAVAILABLE: "HL_UNAVAILABLE", HL_BUSY: "HL_BUSY", HL_CANCELLED: "HL_CANCELLED",
            HL_NOT_ALLOWED: "HL_NOT_ALLOWED", HL_REFUSED: "HL_REFUSED", HL_NOT_FOUND: "HL_NOT_FOUND",
            HL_CONFLICT: "HL_CONFLICT", HL_LIMIT: "HL_LIMIT", HL_NO_SPACE: "HL_NO_SPACE",
            HL_IO_ERROR: "HL_IO_ERROR", HL_DAMAGED: "HL_DAMAGED",
        ]
        return names[status] ?? "status \(status)"
    }
}
