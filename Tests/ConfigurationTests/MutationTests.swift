import Configuration
import Testing

/// Breaks a good file in many ways, one at a time: each error must point into the file, at a line that exists.
@Suite struct MutationTests {
    private static let good = """
        broker:
          threads: 2
          data_dir: "/var/lib/x"
          listeners:
            tcp: { url: "mqtt://127.0.0.1:1883", allow_anonymous: true }
            local: { url: "unix:///run/x.sock" }
          limits:
            max_connections: 100
            max_packet_size: 1MiB
            connect_rate_per_ip: 10/s
          session: { max_expiry_interval: 1d, on_queue_full: refuse }
          mqtt:
            retain_available: true
            max_keep_alive: 60s
          log: { level: info, format: json }
          plugin_dirs: [/opt/plugins]
        plugins:
          - metrics
          - id: history-raw
            plugin: history
            enabled: false
            config: { topics: ["raw/#"] }
        """

    /// A change of one line that no file survives; nil where it does not apply.
    private static let breakers: [(name: String, change: @Sendable (String) -> String?)] = [
        (
            "misspelt key",
            { line in
                line.contains(":")
                    ? String(line.prefix(while: { $0 == " " || $0 == "-" })) + "zz"
                        + line.drop(while: { $0 == " " || $0 == "-" }) : nil
            }
        ),
        ("tab as indent", { line in line.hasPrefix("  ") ? "\t" + line.dropFirst(2) : nil }),
        ("open bracket", { line in line.contains(": ") ? line + " [" : nil }),
        ("open quote", { line in line.contains(": ") ? line + " \"" : nil }),
        ("control character", { line in line + " \u{1}" }),
        (
            "alias",
            { line in
                line.firstIndex(of: ":").map { line[...$0] + " *x" }
            }
        ),
        (
            "tag",
            { line in
                line.firstIndex(of: ":").map { line[...$0] + " !x 1" }
            }
        ),
        (
            "a list as value",
            { line in
                guard let colon = line.firstIndex(of: ":"), !line.contains("plugin_dirs"), !line.contains("plugins:")
                else { return nil }
                return line[...colon] + " [[]]"
            }
        ),
        (
            "unset variable",
            { line in
                line.firstIndex(of: ":").map { line[...$0] + " ${NOT_SET_ANYWHERE}" }
            }
        ),
        (
            "the line twice",
            { line in
                line.contains(": ") && !line.contains("- ") ? line + "\n" + line : nil
            }
        ),
    ]

    @Test func everyBrokenFileIsRefusedAtAPlaceThatExists() throws {
        #expect(try messages(Self.good).isEmpty)
        let lines = Self.good.split(separator: "\n", omittingEmptySubsequences: false).map(String.init)
        var broken = 0
        for index in lines.indices {
            for breaker in Self.breakers {
                guard let changed = breaker.change(lines[index]) else { continue }
                // Listeners may have any name.
                if breaker.name == "misspelt key", lines[index].contains("{ url:") { continue }
                var copy = lines
                copy[index] = changed
                let text = copy.joined(separator: "\n")
                let found = try messages(text)
                #expect(!found.isEmpty, "\(breaker.name) in line \(index + 1): \(changed)")
                for message in found { Self.checkPlace(of: message, in: text, "\(breaker.name), line \(index + 1)") }
                broken += 1
            }
        }
        #expect(broken > 150)
    }

    @Test func everyTruncationIsAcceptedOrRefusedAtAPlaceThatExists() throws {
        for end in Self.good.indices {
            let text = String(Self.good[..<end])
            for message in try messages(text) { Self.checkPlace(of: message, in: text, "cut: \(text.suffix(20))") }
        }
    }

    private static func checkPlace(of message: String, in text: String, _ what: String) {
        let parts = message.split(separator: ":", maxSplits: 3)
        guard parts.count == 4, parts[0] == "plugins.yaml", let line = Int(parts[1]), let column = Int(parts[2]) else {
            Issue.record("no place in '\(message)' (\(what))")
            return
        }
        let count = text.split(separator: "\n", omittingEmptySubsequences: false).count
        // libyaml reports the end of a file as the line after the last.
        #expect((1...count + 1).contains(line) && column >= 1, "\(message) (\(what))")
        #expect(parts[3].count > 5, "\(message)")
    }
}
