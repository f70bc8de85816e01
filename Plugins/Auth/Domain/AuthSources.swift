internal import PluginSDK

/// The `sources` of the settings: where users are looked up, in this order.
enum AuthSources {
    /// - Throws: everything that is wrong with the list, and with the files it names.
    static func open(
        _ configuration: Configuration, host: PluginHost
    ) throws(PluginFailure) -> [FollowedFile<UserTable>] {
        let sources = configuration["sources"]
        var files: [FollowedFile<UserTable>] = []
        var faults: [ConfigurationFault] = []
        for source in sources.items {
            do throws(SourceRefusal) {
                files.append(try open(source, host: host))
            } catch {
                faults += error.faults
            }
        }
        if files.isEmpty, faults.isEmpty {
            faults = [ConfigurationFault(sources, "no source of users; write sources: [ { password_file: passwd } ]")]
        }
        guard faults.isEmpty else { throw .refused(faults) }
        return files
    }

    private struct SourceRefusal: Error {
        let faults: [ConfigurationFault]
    }

    private static func open(
        _ source: ConfigurationNode, host: PluginHost
    ) throws(SourceRefusal) -> FollowedFile<UserTable> {
        guard source.keys == ["password_file"] else {
            let found = source.kind == .map ? source.keys.joined(separator: ", ") : source.text
            let message = "a source is { password_file: PATH }; '\(found)' is not known"
            throw SourceRefusal(faults: [ConfigurationFault(source, message)])
        }
        let node = source["password_file"]
        guard !node.path.isEmpty else {
            throw SourceRefusal(faults: [ConfigurationFault(node, "password_file needs the path of a file")])
        }
        do throws(FileRefusal) {
            return try FollowedFile(node.path, subject: "auth", host: host)
        } catch {
            throw SourceRefusal(faults: error.faults.map { ConfigurationFault(node, $0) })
        }
    }
}
