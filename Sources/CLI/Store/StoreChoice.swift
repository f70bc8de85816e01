import ArgumentParser
import Configuration
import Glibc
import PluginABI
import StoreAccess

/// Which store a command is about.
struct StoreChoice: ParsableArguments {
    @Argument(help: "Folder of the store, or data_dir; without it the one of the configuration.")
    var folder: String?
    @Option(name: [.customShort("c"), .customLong("config")], help: "The configuration, as for serve.")
    var configurationFile: String?
    @Option(help: "File of the store plugin; without it the one beside this tool.")
    var plugin: String?

    /// The folder, absolute.
    func path() throws -> String {
        let given: String
        if let folder {
            given = folder
        } else {
            let options = try ServeOptions.orUsageExit(configurationFile.map { ["-c", $0] } ?? [])
            do throws(ConfigurationErrors) {
                given = try ServerConfiguration.load(options).configuration.broker.dataDirectory
            } catch {
                throw end(ToolExit.badConfiguration, error.description)
            }
            guard !given.isEmpty else {
                throw end(ToolExit.failure, "this broker keeps nothing: its data_dir is empty; name a folder")
            }
        }
        let place = access(given + "/engine", F_OK) == 0 ? given : given + "/store"
        let chosen = access(place, F_OK) == 0 ? place : given
        guard let absolute = realpath(chosen, nil) else {
            throw end(ToolExit.failure, "\(chosen): \(String(cString: strerror(errno)))")
        }
        defer { free(absolute) }
        return String(cString: absolute)
    }

    /// Opens the store beside whoever has it.
    func openForReading() throws -> UnsafeStore {
        let path = try path()
        guard let made = EngineFile(folder: path) else {
            throw end(ToolExit.failure, "there is no store in \(path)")
        }
        var options = UnsafeStore.Options(folder: path)
        options.isReadOnly = true
        return try open(options, engine: made.engine)
    }

    func open(_ options: UnsafeStore.Options, engine: String) throws -> UnsafeStore {
        do throws(StoreError) {
            let store = try UnsafeStore(try UnsafePluginFile(file(of: engine)), options)
            return store
        } catch {
            throw end(error.status == HL_REFUSED ? ToolExit.badConfiguration : ToolExit.failure, error.description)
        }
    }

    private func file(of engine: String) -> String {
        if let plugin { return plugin }
        return (HostProgram.folder() ?? ".") + "/libstore-\(engine).so"
    }
}
