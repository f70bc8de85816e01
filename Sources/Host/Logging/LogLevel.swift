import Configuration

extension LogLevel {
    /// The level as a number that fits an atomic; the larger the more talkative.
    var talkativeness: UInt8 {
        switch self {
        case .error: 0
        case .warn: 1
        case .info: 2
        case .debug: 3
        case .trace: 4
        }
    }

    /// The word in text lines.
    var word: String {
        switch self {
        case .error: "ERROR"
        case .warn: "WARN"
        case .info: "INFO"
        case .debug: "DEBUG"
        case .trace: "TRACE"
        }
    }

    /// The priority digit of syslog, as journald reads it from the front of a line (sd-daemon(3)).
    var journalPriority: UInt8 {
        switch self {
        case .error: UInt8(ascii: "3")
        case .warn: UInt8(ascii: "4")
        case .info: UInt8(ascii: "6")
        case .debug, .trace: UInt8(ascii: "7")
        }
    }
}
