/// The text forms in which metrics are exposed.
enum ExpositionFormat: Sendable {
    /// Prometheus text 0.0.4.
    case prometheus
    /// OpenMetrics 1.0, which carries exemplars.
    case openMetrics

    var contentType: String {
        switch self {
        case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
        case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
        }
    }

    /// What whoever sent this Accept header likes best; Prometheus text where both are the same to it (RFC 9110,
    /// section 12.5.1).
    init(accepting header: String) {
        var best = (format: ExpositionFormat.prometheus, quality: 0.0)
        for range in header.split(separator: ",") {
            let parts = range.split(separator: ";").map { Self.trimmed($0).lowercased() }
            guard let type = parts.first else { continue }
            let format: ExpositionFormat
            switch type {
            case "application/openmetrics-text":
                let version = parts.first { $0.hasPrefix("version=") }.map { $0.dropFirst("version=".count) }
                guard version == nil || version == "1.0.0" || version == "0.0.1" else { continue }
                format = .openMetrics
            case "text/plain", "text/*", "*/*": format = .prometheus
            default: continue
            }
            let quality = parts.dropFirst().first { $0.hasPrefix("q=") }.flatMap { Double($0.dropFirst(2)) } ?? 1
            if quality > best.quality { best = (format, quality) }
        }
        self = best.format
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0 == " " || $0 == "\t" }
        guard let last = start.lastIndex(where: { $0 != " " && $0 != "\t" }) else { return "" }
        return start[...last]
    }
}
