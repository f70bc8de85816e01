import Configuration

/// `log`: which lines are written, shown and changed while the broker runs.
extension Supervisor {
    /// `log`: without a level the report alone.
    func askLog(_ parameters: ControlParameters) throws(UsageError) -> ControlAnswer {
        let part = try parameters.text("component")
        guard let level = try parameters.text("level") else {
            guard part == nil else { throw UsageError("level is missing") }
            return logReport
        }
        return try changeLog(part: part, level: level)
    }

    /// The levels in force.
    private var logReport: ControlAnswer {
        let levels = log.currentLevels
        return .done([
            ("level", .string(levels.general.rawValue)),
            (
                "levels",
                .object(
                    levels.parts.sorted { $0.key < $1.key }.map { (key: $0.key, value: .string($0.value.rawValue)) })
            ),
        ])
    }

    /// Changes the level of everything, or of one part; what is changed holds until the next reload.
    /// - Parameters:
    ///   - part: see ``LogLevels``; nil: everything that has no level of its own.
    ///   - level: one of ``LogLevel``, or `default`: the part is as everything else again.
    private func changeLog(part: String?, level: String) throws(UsageError) -> ControlAnswer {
        var levels = log.currentLevels
        let wanted = LogLevel(rawValue: level)
        if let part {
            guard LogLevels.isPart(part) else {
                throw UsageError(
                    "'\(part)' is no part of the log; there are \(LogLevels.ownParts.joined(separator: ", ")) "
                        + "and plugin.NAME")
            }
            guard wanted != nil || level == "default" else { throw Self.noLevel(level, orDefault: true) }
            levels.parts[part] = wanted
        } else {
            guard let wanted else { throw Self.noLevel(level, orDefault: false) }
            levels.general = wanted
        }
        log.setLevels(levels)
        log.write(.logLevels) {
            [.init("level", levels.general.rawValue), .init("levels", levels.partsText)]
        }
        return logReport
    }

    private static func noLevel(_ word: String, orDefault: Bool) -> UsageError {
        let names = LogLevel.allCases.map(\.rawValue).joined(separator: ", ")
        return UsageError("'\(word)' is no level; write one of \(names)\(orDefault ? " or default" : "")")
    }
}
