import Configuration
import Glibc

/// Where shared objects of plugins are looked for.
struct PluginSearch: Sendable {
    /// Absolute folders, in order: `plugin_dirs`, then the folder of the executable, where a build leaves them.
    let folders: [String]

    init(pluginDirectories: [String]) {
        folders = pluginDirectories + [PluginSearch.executableFolder()].compactMap { $0 }
    }

    /// The file of a plugin.
    /// - Throws: what was looked for, and where.
    func find(_ entry: PluginEntry, paths: PathBase) throws(ConfigurationError) -> String {
        if let path = entry.path {
            guard access(path, F_OK) == 0 else {
                let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
                throw ConfigurationError(
                    .pluginFileMissing(
                        id: entry.id, path: path, directory: folder, startsAt: "plugins.yaml"), at: entry.position)
            }
            return path
        }
        let names = PluginSearch.names(of: entry)
        if let found = candidates(entry).first(where: { access($0, F_OK) == 0 }) { return found }
        let looked = folders.isEmpty ? "nowhere: broker.plugin_dirs is empty" : folders.joined(separator: ", ")
        throw ConfigurationError(
            .plugin(
                id: entry.id,
                "no file \(names.joined(separator: " or ")) (looked in \(looked)); give it a path, or add its "
                    + "folder to broker.plugin_dirs"), at: entry.position)
    }

    /// Where the file of an entry may be, the best place first.
    func candidates(_ entry: PluginEntry) -> [String] {
        if let path = entry.path { return [path] }
        guard !entry.plugin.hasPrefix("builtin:") else { return [] }
        return folders.flatMap { folder in PluginSearch.names(of: entry).map { "\(folder)/\($0)" } }
    }

    private static func names(of entry: PluginEntry) -> [String] { ["lib\(entry.plugin).so", "\(entry.plugin).so"] }

    static func executableFolder() -> String? {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let length = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard length > 0 else { return nil }
        let path = String(decoding: buffer[..<length].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return path.lastIndex(of: "/").map { String(path[..<$0]) }
    }
}
