import Glibc

/// A folder of this process alone, into which plugins are copied for as long as it takes to map them.
final class StagingDirectory: Sendable {
    let path: String

    /// - Parameter runDirectory: in it the folder has a fixed name, so that no end of the process, however sudden, can
    ///   leave more than one behind. Nil takes a new folder among the temporary files.
    init(in runDirectory: String?) throws(OperationError) {
        if let runDirectory {
            path = runDirectory + "/plugins"
            guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw OperationError("make \(path)") }
            return
        }
        let folder = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(folder)/hookline-plugins-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw OperationError("make a folder for plugins in \(folder)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Removes the folder, which is empty when no plugin is being loaded.
    func remove() { rmdir(path) }

    deinit { remove() }
}
