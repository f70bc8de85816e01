/// Points in time as people and programs read them, in UTC.
struct TimeText {
    private let days: Int64
    private let nanosecondOfDay: Int64

    /// - Parameter wall: nanoseconds since 1970.
    init(wall: Int64) {
        let day: Int64 = 86_400_000_000_000
        days = wall >= 0 ? wall / day : (wall - day + 1) / day
        nanosecondOfDay = wall - days * day
    }

    /// "2026-01-02T10:02:11.482Z" (RFC 3339).
    var rfc3339: String {
        let (year, month, day) = date
        let second = nanosecondOfDay / 1_000_000_000
        let clock = [second / 3600, second / 60 % 60, second % 60].map { Self.padded($0, 2) }.joined(separator: ":")
        let milliseconds = Self.padded(nanosecondOfDay / 1_000_000 % 1000, 3)
        return "\(Self.padded(year, 4))-\(Self.padded(month, 2))-\(Self.padded(day, 2))T\(clock).\(milliseconds)Z"
    }

    /// "Fri, 02 Jan 2026 10:02:11 GMT" (RFC 9110, 5.6.7).
    var httpDate: String {
        let (year, month, day) = date
        let second = nanosecondOfDay / 1_000_000_000
        let clock = [second / 3600, second / 60 % 60, second % 60].map { Self.padded($0, 2) }.joined(separator: ":")
        // 1 January 1970 was a Thursday.
        let weekday = Self.weekdays[Int(((days + 4) % 7 + 7) % 7)]
        return "\(weekday), \(Self.padded(day, 2)) \(Self.months[Int(month - 1)]) \(Self.padded(year, 4)) \(clock) GMT"
    }

    private static let weekdays = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"]
    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The proleptic Gregorian date, by counting in eras of 400 years that begin on 1 March.
    private var date: (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
    }

    private static func padded(_ value: Int64, _ width: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: max(width - text.utf8.count, 0)) + text
    }
}
