internal import PluginSDK

/// Metrics as text for a collector to read (Prometheus text 0.0.4, OpenMetrics 1.0).
struct Exposition {
    private let format: ExpositionFormat
    private var bytes: [UInt8] = []

    /// All samples, those of one metric together.
    static func text(of samples: [Sample], _ format: ExpositionFormat) -> [UInt8] {
        var exposition = Exposition(format: format)
        for family in MetricFamily.all(of: samples) { exposition.add(family) }
        if format == .openMetrics { exposition.append("# EOF\n") }
        return exposition.bytes
    }

    private init(format: ExpositionFormat) {
        self.format = format
        bytes.reserveCapacity(32 * 1024)
    }

    private mutating func add(_ family: MetricFamily) {
        // OpenMetrics names the family of a counter without its suffix.
        let name = format == .openMetrics ? family.name : family.sampleName
        append("# HELP \(name) ")
        appendEscaped(family.help, quotes: format == .openMetrics)
        append("\n# TYPE \(name) \(family.kindWord)\n")
        for sample in family.samples {
            if let buckets = sample.buckets {
                addHistogram(family.name, sample, buckets)
            } else {
                append(family.sampleName)
                appendLabels(sample.labels)
                append(" \(Self.number(sample.value))\n")
            }
        }
    }

    private mutating func addHistogram(_ name: String, _ sample: Sample, _ buckets: Sample.Buckets) {
        for (index, count) in buckets.counts.enumerated() {
            let bound = index < buckets.bounds.count ? Self.number(buckets.bounds[index], isBound: true) : "+Inf"
            append("\(name)_bucket")
            appendLabels(sample.labels, with: ("le", bound))
            append(" \(count)")
            if format == .openMetrics, let exemplar = buckets.exemplars.first(where: { $0.bucket == index }) {
                appendExemplar(exemplar)
            }
            append("\n")
        }
        append("\(name)_sum")
        appendLabels(sample.labels)
        append(" \(Self.number(sample.value))\n\(name)_count")
        appendLabels(sample.labels)
        // The two are counted apart; a reader wants the count and the last bucket to agree.
        append(" \(buckets.counts.last ?? buckets.count)\n")
    }

    private mutating func appendLabels(_ labels: [Sample.Label], with last: (String, String)? = nil) {
        guard !labels.isEmpty || last != nil else { return }
        append("{")
        for (index, label) in labels.enumerated() {
            append(index == 0 ? "\(label.name)=\"" : ",\(label.name)=\"")
            appendEscaped(label.value, quotes: true)
            append("\"")
        }
        if let last { append("\(labels.isEmpty ? "" : ",")\(last.0)=\"\(last.1)\"") }
        append("}")
    }

    private mutating func appendExemplar(_ exemplar: Sample.Exemplar) {
        append(" # {trace_id=\"\(Self.hexadecimal(exemplar.trace))\",span_id=\"\(Self.hexadecimal(exemplar.span))\"}")
        let milliseconds = exemplar.time / 1_000_000
        let fraction = String(milliseconds % 1_000 + 1_000).dropFirst()
        append(" \(Self.number(exemplar.value)) \(milliseconds / 1_000).\(fraction)")
    }

    private mutating func append(_ text: String) { bytes += text.utf8 }

    private mutating func appendEscaped(_ text: String, quotes: Bool) {
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\\"): append("\\\\")
            case UInt8(ascii: "\n"): append("\\n")
            case UInt8(ascii: "\"") where quotes: append("\\\"")
            default: bytes.append(byte)
            }
        }
    }

    /// - Parameter isBound: of a bucket, which OpenMetrics wants with a decimal point.
    static func number(_ value: Double, isBound: Bool = false) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value > 0 ? "+Inf" : "-Inf" }
        if !isBound, value == value.rounded(), abs(value) < 9_007_199_254_740_992 { return String(Int64(value)) }
        return "\(value)"
    }

    private static func hexadecimal(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef")
        return String(bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] })
    }
}

/// The samples of one name.
struct MetricFamily {
    /// Without the suffix of a counter.
    let name: String
    let kind: PluginHost.MetricKind
    let help: String
    var samples: [Sample]

    /// Counters end in it, whatever a plugin called them.
    static let suffix = "_total"

    var sampleName: String { kind == .counter ? name + Self.suffix : name }

    var kindWord: String {
        switch kind {
        case .counter: "counter"
        case .gauge: "gauge"
        case .histogram: "histogram"
        }
    }

    /// Families in the order of their first samples. A sample that does not fit its family is left out, as it cannot
    /// be told: one of another kind, one with labels that are there already.
    static func all(of samples: [Sample]) -> [MetricFamily] {
        var families: [MetricFamily] = []
        var places: [String: Int] = [:]
        var seen: Set<String> = []
        for sample in samples {
            let isSuffixed = sample.kind == .counter && sample.name.hasSuffix(suffix)
            let name = isSuffixed ? String(sample.name.dropLast(suffix.count)) : sample.name
            if let place = places[name] {
                guard families[place].kind == sample.kind, seen.insert(key(name, sample)).inserted else { continue }
                families[place].samples.append(sample)
            } else {
                places[name] = families.count
                seen.insert(key(name, sample))
                families.append(MetricFamily(name: name, kind: sample.kind, help: sample.help, samples: [sample]))
            }
        }
        return families
    }

    private static func key(_ name: String, _ sample: Sample) -> String {
        sample.labels.reduce(into: name) { $0 += "\u{0}\($1.name)\u{0}\($1.value)" }
    }
}
