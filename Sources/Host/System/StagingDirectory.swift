import Glibc

/// A folder of this process alone, into which plugins are copied for as long as it takes to map them. Removed with the
/// object.
final class StagingDirectory: Sendable {
    let path: String

    /// - Parameter parent: the run directory; nil takes the folder for temporary files.
    init(in parent: String?) throws(OperationError) {
        let folder = parent ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/hookline-plugins-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw OperationError("make a folder for plugins in \(folder)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { rmdir(path) }
}
