/// Bounds of one YAML file, so that no file can exhaust the process that reads it.
public struct YAMLLimits: Hashable, Sendable {
    /// Size of the file in bytes.
    public var maxBytes: Int
    /// Depth of nested lists and mappings.
    public var maxDepth: Int
    /// Number of scalars, lists and mappings, keys included.
    public var maxNodes: Int

    /// 1 MiB, 32 levels and 100,000 values unless told otherwise.
    public init(maxBytes: Int = 1 << 20, maxDepth: Int = 32, maxNodes: Int = 100_000) {
        self.maxBytes = maxBytes
        self.maxDepth = maxDepth
        self.maxNodes = maxNodes
    }
}

/// Reads one YAML document into a tree that knows where everything stands.
public enum YAMLParser {
    /// The tree of `bytes`; an empty file gives a null node at 1:1.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8, with or without byte order mark.
    ///   - file: the name that positions and messages carry.
    /// - Throws: everything that could be found wrong, in the order of the file.
    public static func parse(
        _ bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLErrors) -> YAMLNode {
        let (root, errors) = parseCollecting(bytes, file: file, limits: limits)
        guard errors.isEmpty, let root else { throw YAMLErrors(errors) }
        return root
    }

    /// As ``parse(_:file:limits:)``, for text.
    public static func parse(
        _ text: String, file: String, limits: YAMLLimits = YAMLLimits()
    ) throws(YAMLErrors) -> YAMLNode {
        try parse(Array(text.utf8), file: file, limits: limits)
    }

    /// The tree together with the errors that did not prevent it (a duplicate key keeps its first value, an alias
    /// becomes null), so that a caller can report its own findings about the same file in one go.
    ///
    /// - Returns: nil for the tree, and at least one error, when the file is not YAML at all.
    public static func parseCollecting(
        _ bytes: [UInt8], file: String, limits: YAMLLimits = YAMLLimits()
    ) -> (root: YAMLNode?, errors: [YAMLError]) {
        guard bytes.count <= limits.maxBytes else {
            return (nil, [YAMLError(.tooLarge(limit: limits.maxBytes), at: .init(file: file, line: 1, column: 1))])
        }
        let hasMark = bytes.starts(with: [0xEF, 0xBB, 0xBF])
        let body = bytes.dropFirst(hasMark ? 3 : 0)
        // libyaml refuses a null pointer, which is what an empty buffer has.
        guard !body.isEmpty else {
            return (YAMLNode(.scalar("", .plain), at: .init(file: file, line: 1, column: 1)), [])
        }
        return body.withUnsafeBufferPointer { text in
            guard let events = UnsafeYAMLEvents(text: text, file: file) else {
                return (nil, [YAMLError(.syntax("out of memory"), at: .init(file: file, line: 1, column: 1))])
            }
            var builder = YAMLTreeBuilder(events: events, file: file, limits: limits)
            do throws(YAMLError) {
                let root = try builder.document()
                return (root, builder.errors)
            } catch {
                return (nil, builder.errors + [error])
            }
        }
    }
}
