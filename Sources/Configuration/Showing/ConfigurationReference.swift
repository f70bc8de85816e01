/// The tables of docs/configuration.md. A test compares that file with this text, so that neither can drift.
public enum ConfigurationReference {
    /// Markdown: one table per section.
    public static func markdown() -> String {
        var lines: [String] = []
        var section = ""
        for setting in SettingsTable.all {
            if setting.section != section {
                section = setting.section
                lines += ["", "### `\(section)`", "", "| key | type | default | meaning |", "|---|---|---|---|"]
            }
            let standard = setting.availability == .now ? "`\(setting.defaultText)`" : ""
            lines.append("| `\(setting.name)` | \(setting.type) | \(standard) | \(setting.help) |")
        }
        return lines.dropFirst().joined(separator: "\n") + "\n"
    }
}
