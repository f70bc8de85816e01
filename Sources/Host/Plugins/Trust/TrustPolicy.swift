import Glibc

/// Whose files may become code of the broker. A guard against mistakes and against other users of the machine; it is no
/// sandbox, for what is loaded can do everything.
struct TrustPolicy: Sendable {
    /// Owners and modes are enforced, not only told: the broker runs as root, or `broker.require_pins` is on.
    var isEnforced = false
    /// Folders that files may lie in; nil: anywhere. Enforced with `require_pins` alone, told otherwise.
    var folders: [String]?
    var requiresPins = false
    /// Says what is not enforced, once a file.
    var warn: @Sendable (_ words: String) -> Void = { _ in }

    /// Nothing is asked.
    static let none = TrustPolicy()

    private static let everybody = mode_t(S_IWOTH)
    private static let group = mode_t(S_IWGRP)

    /// Looks at an open file and at the folders on the way to it.
    /// - Throws: what is wrong where that is enforced.
    func check(_ path: String, _ descriptor: Int32) throws(PluginImage.Problem) {
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { return }
        if let words = complaint(path, status, isFolder: false) { try object(words) }
        guard let real = Self.realPath(of: descriptor) else { return }
        var folder = Self.parent(of: real)
        while true {
            var status = stat()
            if stat(folder, &status) == 0, let words = complaint(folder, status, isFolder: true) {
                try object("\(path): its folder \(words)")
                break
            }
            guard folder != "/" else { break }
            folder = Self.parent(of: folder)
        }
        guard let folders, !folders.contains(where: { Self.lies(real, in: $0) }) else { return }
        let words = "\(path) lies in none of the allowed folders (\(folders.joined(separator: ", "))); add its "
        guard !requiresPins else { throw PluginImage.Problem(words: words + "folder to broker.plugin_dirs") }
        warn(words + "folder to broker.plugin_dirs")
    }

    private func object(_ words: String) throws(PluginImage.Problem) {
        guard isEnforced else { return warn(words) }
        throw PluginImage.Problem(words: words)
    }

    /// What is wrong with owner or mode, as a sentence that begins with the path.
    private func complaint(_ path: String, _ status: stat, isFolder: Bool) -> String? {
        let user = geteuid()
        guard status.st_uid == 0 || status.st_uid == user else {
            return "\(path) belongs to user \(status.st_uid), who could change what the broker runs; "
                + "chown it to \(user == 0 ? "root" : "root or to the broker's user")"
        }
        // In a folder like /tmp everybody may write, but only to what is his own.
        let isSticky = isFolder && status.st_mode & mode_t(S_ISVTX) != 0
        if status.st_mode & Self.everybody != 0, !isSticky {
            return "\(path) can be written by everybody; chmod o-w it"
        }
        if status.st_mode & Self.group != 0, !isSticky, status.st_gid != 0, status.st_gid != getegid() {
            return "\(path) can be written by group \(status.st_gid); chmod g-w it"
        }
        return nil
    }

    private static func realPath(of descriptor: Int32) -> String? {
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/fd/\(descriptor)", &room, room.count)
        guard length > 0 else { return nil }
        return String(decoding: room[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func lies(_ path: String, in folder: String) -> Bool {
        guard let real = realpath(folder, nil) else { return false }
        defer { free(real) }
        let folder = String(cString: real)
        return path.hasPrefix(folder == "/" ? "/" : folder + "/")
    }

    private static func parent(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return "/" }
        return String(path[..<slash])
    }
}
