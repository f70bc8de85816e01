public import PositionedYAML

/// Where relative paths start: the folder of the file, or the working directory for what was typed.
public struct PathBase: Hashable, Sendable {
    /// Absolute folder of plugins.yaml.
    public var fileDirectory: String
    /// Absolute working directory.
    public var workingDirectory: String

    /// Both absolute.
    public init(fileDirectory: String, workingDirectory: String) {
        self.fileDirectory = fileDirectory
        self.workingDirectory = workingDirectory
    }

    /// `path` made absolute, starting from where its writer stood.
    public func resolve(_ path: String, at position: SourcePosition) -> String {
        if path.isEmpty || path.hasPrefix("/") { return path }
        let start = position.line > 0 ? fileDirectory : workingDirectory
        // `..` stays: only the kernel knows what it means behind a symbolic link.
        var path = path[...]
        while path.hasPrefix("./") { path = path.dropFirst(2) }
        if path.isEmpty || path == "." { return start }
        return start == "/" ? "/" + path : "\(start)/\(path)"
    }
}
