/// A place somebody can go and look at: file, line and column, counted from 1 in characters.
///
/// Line 0 marks a source that has no lines, such as an environment variable or a command line option: then ``file``
/// is its name and stands alone in messages.
public struct SourcePosition: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// Name of the source as the user wrote it; it stands at the front of every message.
    public var file: String
    /// Line, from 1; 0 for a source without lines.
    public var line: Int
    /// Column, from 1, in Unicode scalars.
    public var column: Int

    /// The character at `line`, `column` of `file`.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// A source without lines: an environment variable or a command line option.
    public init(source: String) {
        self.init(file: source, line: 0, column: 0)
    }

    /// `file:line:column`, or the name alone for a source without lines.
    public var description: String {
        line > 0 ? "\(file):\(line):\(column)" : file
    }

    /// Order of reading: by line and column within one file; sources without lines come by name.
    public static func < (left: SourcePosition, right: SourcePosition) -> Bool {
        (left.file, left.line, left.column) < (right.file, right.line, right.column)
    }
}
