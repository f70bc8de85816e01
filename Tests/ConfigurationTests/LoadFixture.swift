import Configuration

/// Loads a text named plugins.yaml; `options` are words of the command line.
func load(
    _ text: String, _ options: [String] = [], environment: [String: String] = [:],
    support: TransportSupport = .current
) throws -> LoadedConfiguration {
    try ServerConfiguration.load(
        text: text, file: "plugins.yaml", ServeOptions.parse(options), environment: environment, support: support)
}

/// Every message of a text that cannot be loaded; empty when it can.
func messages(
    _ text: String, _ options: [String] = [], environment: [String: String] = [:],
    support: TransportSupport = .current
) throws -> [String] {
    let options = try ServeOptions.parse(options)
    do throws(ConfigurationErrors) {
        _ = try ServerConfiguration.load(
            text: text, file: "plugins.yaml", options, environment: environment, support: support)
        return []
    } catch {
        return error.all.map(\.description)
    }
}
