internal import Glibc

/// A file in a folder of its own, removed with this object.
package final class ScratchFile {
    /// Absolute.
    package let path: String
    private let folder: String

    /// - Parameter name: as messages will show it.
    package init(_ name: String, _ text: String) {
        var template = Array("/tmp/hookline-test-XXXXXX".utf8CString)
        let made = mkdtemp(&template) != nil
        precondition(made, "a test needs a temporary folder")
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        path = "\(folder)/\(name)"
        write(text)
    }

    deinit {
        unlink(path)
        rmdir(folder)
    }

    /// Replaces the content in place.
    package func write(_ text: String) {
        guard let file = fopen(path, "w") else { preconditionFailure("a test writes its own file") }
        // As secrets are kept, whatever the user's mask is.
        fchmod(fileno(file), 0o600)
        fputs(text, file)
        fclose(file)
    }

    /// Makes the file disappear.
    package func remove() { unlink(path) }
}
