internal import Glibc

/// Reads the files that plugins are configured with.
public enum FileContents {
    /// Why a file cannot be read; a sentence with its path.
    public struct Failure: Error, Equatable, CustomStringConvertible {
        /// "cannot read /etc/hookline/passwd: permission denied"
        public let description: String
        /// There is no such file.
        public var isMissing = false
    }

    /// The bytes of a regular file.
    /// - Parameter limit: bytes; a larger file is refused.
    public static func read(_ path: String, limit: Int) throws(Failure) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw failure(path, errno) }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw failure(path, errno) }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(description: "cannot read \(path): it is not a regular file")
        }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = chunk.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            if count < 0 {
                if errno == EINTR { continue }
                throw failure(path, errno)
            }
            bytes += chunk[..<count]
            guard bytes.count <= limit else {
                throw Failure(description: "cannot read \(path): it is larger than \(limit) bytes")
            }
        }
    }

    private static func failure(_ path: String, _ code: Int32) -> Failure {
        var reason = [CChar](repeating: 0, count: 256)
        guard strerror_r(code, &reason, reason.count) == 0 else {
            return Failure(description: "cannot read \(path): error \(code)")
        }
        let text = String(decoding: reason.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return Failure(description: "cannot read \(path): \(text.lowercased())", isMissing: code == ENOENT)
    }
}
