import Configuration

/// Answers about plugins, as tables for people.
enum PluginTables {
    /// One line per plugin, and one more for what is wrong with it.
    static func plugins(_ answer: ControlAnswer) -> String {
        let plugins = elements(answer, "plugins")
        guard !plugins.isEmpty else { return "no plugins\n" }
        var rows = [["ID", "PLUGIN", "VERSION", "GENERATION", "STATE", "HOOKS", "FAILURES"]]
        var notes: [Int: [String]] = [:]
        for plugin in plugins {
            let hooks = plugin["hooks"]?.elements.count ?? 0
            rows.append([
                plugin.text("id"), plugin.text("plugin"), plugin.text("version"), plugin.text("generation"),
                state(plugin), "\(hooks)", plugin.text("failures"),
            ])
            var words: [String] = []
            if let text = plugin["health_text"]?.plain, !text.isEmpty { words.append(text) }
            if let text = plugin["refused"]?.plain, !text.isEmpty { words.append("refused: \(text)") }
            notes[rows.count - 1] = words
        }
        let lines = table(rows)
        return lines.enumerated().map { index, line in
            ([line] + (notes[index] ?? []).map { "    " + $0 }).joined(separator: "\n") + "\n"
        }.joined()
    }

    /// One line per hook: who is asked, in which order.
    static func chains(_ answer: ControlAnswer) -> String {
        var order: [String] = []
        var chains: [String: [String]] = [:]
        for plugin in elements(answer, "plugins") {
            for hook in plugin["hooks"]?.elements ?? [] {
                guard let name = hook.plain else { continue }
                if chains[name] == nil { order.append(name) }
                let isLeftOut = plugin["left_out"]?.elements.contains { $0.plain == name } ?? false
                let id = plugin.text("id")
                let entry = plugin["stuck"]?.plain == "true" || isLeftOut ? "\(id) (left out)" : id
                if chains[name]?.last != entry { chains[name, default: []].append(entry) }
            }
        }
        guard !order.isEmpty else { return "no plugin is asked about anything\n" }
        let rows = order.sorted().map { [$0, (chains[$0] ?? []).joined(separator: " -> ")] }
        return table([["HOOK", "ASKED"]] + rows).map { $0 + "\n" }.joined()
    }

    /// One line per hook of a plugin, the costliest first.
    static func top(_ answer: ControlAnswer) -> String {
        let hooks = elements(answer, "hooks").sorted { cost($0) > cost($1) }
        var rows = [["ID", "HOOK", "ON", "CALLS/S", "DENIED", "FAILED", "PENDED", "MEAN us", "P50 us", "P99 us"]]
        for hook in hooks {
            rows.append(
                ["id", "hook", "on", "calls_per_second", "denied", "failed", "pended", "mean_us", "p50_us", "p99_us"]
                    .map { hook.text($0) })
        }
        var text = table(rows).map { $0 + "\n" }.joined()
        let kept = ["memory", "timers", "watches", "descriptors", "threads", "services", "consumers", "events"]
        var held = [["ID"] + kept.map { $0.uppercased() } + ["PENDING"]]
        for plugin in elements(answer, "plugins") {
            let accounts = plugin["accounts"]
            held.append(
                [plugin.text("id")] + kept.map { accounts?.text($0) ?? "" } + [plugin.text("pending")])
        }
        text += "\n" + table(held).map { $0 + "\n" }.joined()
        return text
    }

    private static func cost(_ hook: JSONText) -> Double {
        (hook["mean_us"]?.plain.flatMap(Double.init) ?? 0) * (hook["calls"]?.plain.flatMap(Double.init) ?? 0)
    }

    private static func state(_ plugin: JSONText) -> String {
        if plugin["stuck"]?.plain == "true" { return "stuck" }
        if plugin["on_trial"]?.plain == "true" { return plugin.text("health") + ", on trial" }
        return plugin.text("health")
    }

    private static func elements(_ answer: ControlAnswer, _ key: String) -> [JSONText] {
        answer.members.first { $0.key == key }?.value.elements ?? []
    }

    /// Columns as wide as what is in them.
    private static func table(_ rows: [[String]]) -> [String] {
        let widths = rows.reduce(into: [Int](repeating: 0, count: rows[0].count)) { widths, row in
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        return rows.map { row in
            let cells = zip(row, widths).map { cell, width in
                cell + String(repeating: " ", count: width - cell.count)
            }
            var line = cells.joined(separator: "  ")
            while line.last == " " { line.removeLast() }
            return line
        }
    }
}

extension JSONText {
    fileprivate subscript(key: String) -> JSONText? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    fileprivate var elements: [JSONText] {
        if case .array(let elements) = self { return elements }
        return []
    }

    /// One value as text; nil for null, lists and objects.
    fileprivate var plain: String? {
        switch self {
        case .string(let text): text
        case .null, .array, .object: nil
        default: rendered
        }
    }

    fileprivate func text(_ key: String) -> String { self[key]?.plain ?? "" }
}
