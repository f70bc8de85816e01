import Glibc

/// One step on the way from `/` to a file: an entry of a directory that decides what the path means.
struct WatchedPlace: Hashable {
    /// Real path of the directory: free of symbolic links.
    var directory: String
    var name: String
    /// Whether it is the last entry, whose content counts, too.
    var isLast: Bool
}

extension WatchedPlace {
    private static let hopLimit = 40

    /// Every directory entry that a look-up of `path` visits, the targets of symbolic links included. Where an entry
    /// is missing the way ends: what is made there will show up in the last place.
    static func places(on path: String) -> [WatchedPlace] {
        var places: [WatchedPlace] = []
        var directory = "/"
        var names = Self.names(of: path.hasPrefix("/") ? path : workingDirectory() + "/" + path)
        var hops = 0
        while let name = names.popLast() {
            if name == ".." {
                directory = parent(of: directory)
                continue
            }
            places.append(WatchedPlace(directory: directory, name: name, isLast: names.isEmpty))
            let full = directory == "/" ? "/" + name : directory + "/" + name
            var information = stat()
            guard lstat(full, &information) == 0 else { break }
            guard information.st_mode & S_IFMT == S_IFLNK else {
                directory = full
                continue
            }
            hops += 1
            guard hops <= hopLimit, let target = target(of: full) else { break }
            if target.hasPrefix("/") { directory = "/" }
            names += Self.names(of: target)
        }
        return places
    }

    /// The names of a path, the first one last.
    private static func names(of path: String) -> [String] {
        path.split(separator: "/").reversed().filter { $0 != "." }.map(String.init)
    }

    private static func parent(of directory: String) -> String {
        guard let slash = directory.lastIndex(of: "/"), slash > directory.startIndex else { return "/" }
        return String(directory[..<slash])
    }

    private static func target(of link: String) -> String? {
        var room = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink(link, &room, room.count)
        guard length > 0 else { return nil }
        return String(decoding: room.prefix(length).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func workingDirectory() -> String {
        guard let path = getcwd(nil, 0) else { return "/" }
        defer { free(path) }
        return String(cString: path)
    }
}
