import Glibc

/// The folder of `broker.data_dir`.
enum DataDirectory {
    /// Makes it when it is missing (its parent must be there) and makes sure that it can be written to.
    static func prepare(_ path: String) throws(OperationError) {
        guard mkdir(path, 0o700) == 0 || errno == EEXIST else { throw OperationError("make data_dir \(path)") }
        var status = stat()
        guard stat(path, &status) == 0 else { throw OperationError("look at data_dir \(path)") }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            throw OperationError("use data_dir \(path)", code: ENOTDIR)
        }
        guard access(path, W_OK | X_OK) == 0 else {
            throw OperationError("write to data_dir \(path) (running as user \(geteuid()))")
        }
    }
}
