/// Names of environment variables: upper case, `-` as `_`, `__` between levels, `HOOKLINE_` in front.
enum EnvironmentName {
    static let prefixes = ["HOOKLINE_BROKER__", "HOOKLINE_PLUGINS__"]

    /// `broker.limits.max_packet_size` -> `HOOKLINE_BROKER__LIMITS__MAX_PACKET_SIZE`.
    static func of(path: String) -> String {
        "HOOKLINE_" + path.split(separator: ".").map { level(String($0)) }.joined(separator: "__")
    }

    /// One level of a path: `history-raw` -> `HISTORY_RAW`.
    static func level(_ name: String) -> String {
        String(name.uppercased().map { $0 == "-" ? "_" : $0 })
    }

    /// Levels of a variable's name behind `HOOKLINE_`.
    static func levels(_ name: String) -> [String] {
        var levels: [String] = []
        var current = ""
        var rest = name.dropFirst("HOOKLINE_".count)
        while let character = rest.first {
            if rest.hasPrefix("__"), !current.isEmpty {
                levels.append(current)
                current = ""
                rest = rest.dropFirst(2)
            } else {
                current.append(character)
                rest = rest.dropFirst()
            }
        }
        return levels + [current]
    }
}
