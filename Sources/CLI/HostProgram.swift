import ArgumentParser
import Glibc

/// `hookline-host`, the broker's own executable.
enum HostProgram {
    private static let name = "hookline-host"

    /// Becomes the host: same process id, same descriptors, so that whoever started the tool supervises the broker.
    ///
    /// - Returns: only when that fails.
    static func become(arguments: [String]) -> ExitCode {
        guard let path = path() else { return end(ToolExit.failure, notFound) }
        var words: [UnsafeMutablePointer<CChar>?] = ([name] + arguments).map { strdup($0) }
        words.append(nil)
        execv(path, words)
        let reason = String(cString: strerror(errno))
        for word in words { free(word) }
        return end(ToolExit.failure, "hookline: cannot start \(path): \(reason)")
    }

    /// Where it is; nil: nowhere.
    static func path() -> String? { candidates().first { access($0, X_OK) == 0 } }

    /// What to say then.
    static var notFound: String {
        "hookline: no \(name) found (looked for \(candidates().joined(separator: ", ")))"
    }

    /// The folder of this tool's file; nil when the system does not say.
    static func folder() -> String? {
        guard let tool = realpath("/proc/self/exe", nil) else { return nil }
        defer { free(tool) }
        return String(cString: tool).split(separator: "/").dropLast().map { "/" + $0 }.joined()
    }

    /// Beside this tool, then in the places a package puts it.
    private static func candidates() -> [String] {
        guard let folder = folder() else { return [name] }
        return ["\(folder)/\(name)", "\(folder)/../libexec/\(name)", "\(folder)/../libexec/hookline/\(name)"]
    }
}
