internal import Glibc
internal import PluginSDK

/// Files with secrets are for the broker's user and perhaps a group. Whoever else may read one can try its passwords or
/// sign tokens; whoever may write one gets in.
enum SecretFileMode {
    /// Says so in the log when anybody else may open the file.
    static func tell(_ path: String, _ host: PluginHost) {
        guard let problem = problem(path) else { return }
        host.log(.warning, "auth.file_mode", "\(problem); chmod o= \(path)", ["file": path])
    }

    /// - Returns: a sentence; `nil` when all is well, or the file cannot be looked at.
    static func problem(_ path: String) -> String? {
        var status = stat()
        guard stat(path, &status) == 0 else { return nil }
        if status.st_mode & S_IWOTH != 0 { return "anybody on this machine may change it" }
        if status.st_mode & S_IROTH != 0 { return "anybody on this machine may read it" }
        return nil
    }
}
