/// The rules of MQTT 5.0 section 4.7 for topics that are written into a configuration. The broker has its own, faster
/// check for what comes over the wire; this one explains itself.
enum TopicText {
    static func checkTopic(_ text: String) throws(ValueProblem) {
        if let reason = commonFault(text) { throw .notATopic(text, reason: reason) }
        if text.contains(where: { $0 == "+" || $0 == "#" }) {
            throw .notATopic(text, reason: "a topic name has no '+' or '#' [MQTT-3.3.2-2]")
        }
    }

    static func checkFilter(_ text: String) throws(ValueProblem) {
        if let reason = commonFault(text) { throw .notAFilter(text, reason: reason) }
        var levels = text.split(separator: "/", omittingEmptySubsequences: false)
        if levels.first == "$share" {
            guard levels.count >= 3, !levels[1].isEmpty,
                levels[2...].contains(where: { !$0.isEmpty }) || levels.count > 3
            else { throw .notAFilter(text, reason: "write $share/GROUP/FILTER [MQTT-4.8.2-1]") }
            guard !levels[1].contains(where: { $0 == "+" || $0 == "#" }) else {
                throw .notAFilter(text, reason: "a group has no '+' or '#' [MQTT-4.8.2-2]")
            }
            levels.removeFirst(2)
        }
        for (index, level) in levels.enumerated() where level.count > 1 || index < levels.count - 1 {
            guard level.contains("#") || level.contains("+") else { continue }
            if level == "#" { throw .notAFilter(text, reason: "'#' must be the last level [MQTT-4.7.1-1]") }
            guard level == "+" else {
                throw .notAFilter(text, reason: "'+' and '#' stand alone in their level [MQTT-4.7.1-1] [MQTT-4.7.1-2]")
            }
        }
    }

    private static func commonFault(_ text: String) -> String? {
        if text.isEmpty { return "it needs at least one character [MQTT-4.7.3-1]" }
        if text.utf8.contains(0) { return "it holds a null character [MQTT-4.7.3-2]" }
        if text.utf8.count > 65_535 { return "it is longer than 65535 bytes [MQTT-4.7.3-3]" }
        return nil
    }
}
