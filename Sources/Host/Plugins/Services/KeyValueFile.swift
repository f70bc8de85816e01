import Glibc

/// The file of a key-value store: a log of changes, written anew when most of it is out of date. One thread at a time.
///
/// A record counts as durable when `append` has returned. What the disk refused leaves the file as it was before.
final class KeyValueFile {
    /// Why a file cannot be used, as a sentence.
    struct Problem: Error, CustomStringConvertible {
        let description: String

        init(_ words: String) { description = words }

        init(_ words: String, code: Int32) { description = "\(words): \(String(cString: strerror(code)))" }
    }

    let path: String
    private var descriptor: Int32 = -1
    /// Bytes in the file that count.
    private(set) var size = 0
    /// The end of the file is not known to be good: it has to be written anew.
    private(set) var isDoubtful = false

    init(_ path: String) { self.path = path }

    deinit { if descriptor >= 0 { close(descriptor) } }

    /// Reads what is there; an unfinished write at the end is cut off.
    /// - Returns: the records in order, and whether something was cut off.
    func load() throws(Problem) -> (records: [KeyValueRecord], wasCut: Bool) {
        guard let bytes = try KeyValueFile.read(path) else { return ([], false) }
        guard !bytes.isEmpty else { return ([], false) }
        guard bytes.starts(with: KeyValueRecord.fileHeader) else {
            // Shorter than its header: the process ended while it was made.
            if KeyValueRecord.fileHeader.starts(with: bytes) { return ([], true) }
            throw Problem("\(path) is not a key-value file of this version; move it away to begin with an empty one")
        }
        var records: [KeyValueRecord] = []
        var offset = KeyValueRecord.fileHeader.count
        while true {
            switch KeyValueRecord.read(bytes, at: offset) {
            case .record(let record, let next):
                records.append(record)
                offset = next
            case .end, .torn:
                size = offset
                let wasCut = offset < bytes.count
                if wasCut, truncate(path, offset) != 0 { throw Problem("cannot shorten \(path)", code: errno) }
                return (records, wasCut)
            case .damaged:
                throw Problem(
                    "\(path) is damaged at byte \(offset), and there are good records behind it; restore it from a "
                        + "backup, or move it away to begin with an empty one")
            }
        }
    }

    /// Appends bytes of whole records and waits until they are on the disk.
    func append(_ bytes: [UInt8]) throws(Problem) {
        if size == 0 { return try replace(with: bytes) }
        if descriptor < 0 {
            descriptor = open(path, O_WRONLY | O_CLOEXEC | O_NOFOLLOW)
            guard descriptor >= 0 else { throw Problem("cannot open \(path)", code: errno) }
        }
        do throws(Problem) {
            try KeyValueFile.write(bytes, to: descriptor, at: size, path)
        } catch {
            // After a failed write or sync nobody knows what is on the disk.
            isDoubtful = true
            throw error
        }
        size += bytes.count
    }

    /// Puts a new file with these records in the place of the old one, in one step.
    func replace(with records: [UInt8]) throws(Problem) {
        let new = path + ".new"
        let bytes = KeyValueRecord.fileHeader + records
        let target = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard target >= 0 else { throw Problem("cannot make \(new)", code: errno) }
        do throws(Problem) {
            try KeyValueFile.write(bytes, to: target, at: 0, new)
            guard rename(new, path) == 0 else { throw Problem("cannot rename \(new)", code: errno) }
            try syncFolder()
        } catch {
            close(target)
            isDoubtful = true
            throw error
        }
        if descriptor >= 0 { close(descriptor) }
        descriptor = target
        size = bytes.count
        isDoubtful = false
    }

    /// The name of a new file is durable when its folder is.
    private func syncFolder() throws(Problem) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let handle = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw Problem("cannot open \(folder)", code: errno) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw Problem("cannot sync \(folder)", code: errno) }
    }

    private static func write(_ bytes: [UInt8], to file: Int32, at place: Int, _ path: String) throws(Problem) {
        var written = 0
        while written < bytes.count {
            let count = bytes.withUnsafeBytes { buffer in
                pwrite(file, buffer.baseAddress.map { $0 + written }, buffer.count - written, off_t(place + written))
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Problem("cannot write \(path)", code: count == 0 ? ENOSPC : errno) }
            written += count
        }
        guard fdatasync(file) == 0 else { throw Problem("cannot sync \(path)", code: errno) }
    }

    /// The whole file; nil when there is none.
    private static func read(_ path: String) throws(Problem) -> [UInt8]? {
        let file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard file >= 0 else {
            if errno == ENOENT { return nil }
            throw Problem("cannot open \(path)", code: errno)
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0 else { throw Problem("cannot look at \(path)", code: errno) }
        var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
        var filled = 0
        while filled < bytes.count {
            let count = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(file, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Problem("cannot read \(path)", code: count == 0 ? EIO : errno) }
            filled += count
        }
        return bytes
    }
}
