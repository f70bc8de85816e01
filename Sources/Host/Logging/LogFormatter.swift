import Configuration
import Glibc

/// Turns lines into bytes: `10:02:11.482 INFO  broker.ready          took=212ms` for people, or one JSON object a line
/// for machines. Pure but for the time zone; used by the writer's thread alone.
struct LogFormatter {
    var format: LogFormat
    /// True when standard error is a stream of journald, which keeps time and priority itself.
    var underJournal: Bool

    func append(_ line: LogLine, to text: inout LogText) {
        switch format {
        case .text: appendText(line, to: &text)
        case .json: appendJSON(line, to: &text)
        }
        text.append(UInt8(ascii: "\n"))
    }

    private func appendText(_ line: LogLine, to text: inout LogText) {
        if underJournal {
            text.append(UInt8(ascii: "<"))
            text.append(line.level.journalPriority)
            text.append(UInt8(ascii: ">"))
        } else {
            let clock = CalendarTime.local(line.time)
            text.appendClock(clock)
            text.append(UInt8(ascii: " "))
        }
        text.append(line.level.word, paddedTo: 6)
        guard !line.fields.isEmpty || line.repeats > 0 else { return text.append(line.event) }
        text.append(line.event, paddedTo: 21)
        for field in line.fields {
            text.append(UInt8(ascii: " "))
            text.append(field.key)
            text.append(UInt8(ascii: "="))
            switch field.value {
            case .text(let value): text.appendValue(value.utf8)
            case .bytes(let value): text.appendValue(value)
            case .number(let value): text.append(String(value))
            case .flag(let value): text.append(value ? "true" : "false")
            case .code(let value): text.append(Self.hexadecimal(value))
            case .duration(let value): text.append(Self.duration(value))
            }
        }
        if line.repeats > 0 { text.append(" repeats=\(line.repeats)/\(RepeatLimiter.windowSeconds)s") }
    }

    private func appendJSON(_ line: LogLine, to text: inout LogText) {
        text.append("{")
        if !underJournal {
            text.append("\"time\":\"")
            text.appendRFC3339(CalendarTime.utc(line.time))
            text.append("\",")
        }
        text.append("\"level\":\"\(line.level.rawValue)\",\"event\":\"\(line.event)\"")
        for field in line.fields {
            text.append(",")
            text.appendJSONString(field.key.utf8)
            text.append(":")
            switch field.value {
            case .text(let value): text.appendJSONString(value.utf8)
            case .bytes(let value): text.appendJSONString(value)
            case .number(let value): text.append(String(value))
            case .flag(let value): text.append(value ? "true" : "false")
            case .code(let value): text.append(String(value))
            case .duration(let value): text.append("\"\(Self.duration(value))\"")
            }
        }
        if line.repeats > 0 { text.append(",\"repeats\":\(line.repeats)") }
        text.append("}")
    }

    static func hexadecimal(_ code: UInt8) -> String {
        let digits = String(code, radix: 16, uppercase: true)
        return digits.utf8.count == 1 ? "0x0\(digits)" : "0x\(digits)"
    }

    static func duration(_ nanoseconds: Int64) -> String {
        nanoseconds < 10_000_000_000 ? "\(nanoseconds / 1_000_000)ms" : "\(nanoseconds / 1_000_000_000)s"
    }
}

/// A moment as people write it.
struct CalendarTime {
    var year, month, day, hour, minute, second, millisecond: Int

    static func local(_ nanoseconds: Int64) -> CalendarTime { make(nanoseconds) { localtime_r($0, $1) } }
    static func utc(_ nanoseconds: Int64) -> CalendarTime { make(nanoseconds) { gmtime_r($0, $1) } }

    private static func make(
        _ nanoseconds: Int64, _ convert: (UnsafePointer<time_t>, UnsafeMutablePointer<tm>) -> UnsafeMutablePointer<tm>?
    ) -> CalendarTime {
        var seconds = time_t(nanoseconds / 1_000_000_000)
        var parts = tm()
        _ = convert(&seconds, &parts)
        return CalendarTime(
            year: Int(parts.tm_year) + 1900, month: Int(parts.tm_mon) + 1, day: Int(parts.tm_mday),
            hour: Int(parts.tm_hour), minute: Int(parts.tm_min), second: Int(parts.tm_sec),
            millisecond: Int(nanoseconds / 1_000_000 % 1_000))
    }
}

extension LogText {
    /// `10:02:11.482`
    mutating func appendClock(_ time: CalendarTime) {
        append(time.hour, digits: 2)
        append(":")
        append(time.minute, digits: 2)
        append(":")
        append(time.second, digits: 2)
        append(".")
        append(time.millisecond, digits: 3)
    }

    /// `2026-01-02T10:02:11.482Z`; the time must be UTC.
    mutating func appendRFC3339(_ time: CalendarTime) {
        append(time.year, digits: 4)
        append("-")
        append(time.month, digits: 2)
        append("-")
        append(time.day, digits: 2)
        append("T")
        appendClock(time)
        append("Z")
    }
}
