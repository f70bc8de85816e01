import Glibc

/// Small files read and written whole.
enum SmallFile {
    /// Bytes of a file, at most `limit`; nil when it cannot be read.
    static func read(_ path: String, limit: Int = 64 << 10) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
            while count < limit {
                let got = Glibc.read(descriptor, buffer.baseAddress.map { $0 + count }, limit - count)
                if got > 0 { count += got } else if got == 0 || errno != EINTR { break }
            }
        }
    }

    /// Text of a file without the blanks and line ends around it; nil when it cannot be read.
    static func readText(_ path: String) -> String? {
        read(path).map { bytes in
            let isBlank = { (byte: UInt8) in byte <= 0x20 }
            let start = bytes.firstIndex { !isBlank($0) } ?? bytes.endIndex
            let end = bytes.lastIndex { !isBlank($0) }.map { $0 + 1 } ?? start
            return String(decoding: bytes[start..<end], as: UTF8.self)
        }
    }

    /// Puts `text` at `path` in one step: a reader sees the old file, no file, or the whole new one, never a part.
    static func replace(_ path: String, with text: String, mode: mode_t = 0o644) throws(OperationError) {
        let temporary = "\(path).\(getpid()).tmp"
        unlink(temporary)
        let descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode)
        guard descriptor >= 0 else { throw OperationError("write \(path)") }
        do {
            try write(text, to: descriptor, path: path)
        } catch {
            close(descriptor)
            unlink(temporary)
            throw error
        }
        close(descriptor)
        guard rename(temporary, path) == 0 else {
            let error = OperationError("write \(path)")
            unlink(temporary)
            throw error
        }
    }

    private static func write(_ text: String, to descriptor: Int32, path: String) throws(OperationError) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 {
                rest = rest.dropFirst(written)
            } else if errno != EINTR {
                throw OperationError("write \(path)")
            }
        }
    }
}
