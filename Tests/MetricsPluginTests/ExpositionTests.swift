import Testing

@testable import MetricsPlugin
@testable import PluginSDK

@Suite struct ExpositionTests {
    private static func sample(
        _ kind: PluginHost.MetricKind, _ name: String, _ value: Double, _ labels: [(String, String)] = []
    ) -> Sample {
        Sample(
            name: name, help: "Help of \(name).", kind: kind,
            labels: labels.map { Sample.Label(name: $0.0, value: $0.1) }, value: value)
    }

    private static func text(_ samples: [Sample], _ format: ExpositionFormat = .prometheus) -> String {
        String(decoding: Exposition.text(of: samples, format), as: UTF8.self)
    }

    @Test("a counter ends in _total, whatever a plugin called it")
    func suffix() {
        #expect(
            Self.text([Self.sample(.counter, "a_seen", 3), Self.sample(.counter, "b_total", 4)])
                == """
                # HELP a_seen_total Help of a_seen.
                # TYPE a_seen_total counter
                a_seen_total 3
                # HELP b_total Help of b_total.
                # TYPE b_total counter
                b_total 4

                """)
    }

    @Test("OpenMetrics names the family without the suffix and ends with EOF")
    func openMetrics() {
        #expect(
            Self.text([Self.sample(.counter, "b_total", 4)], .openMetrics)
                == "# HELP b Help of b_total.\n# TYPE b counter\nb_total 4\n# EOF\n")
    }

    @Test("label values and help are escaped")
    func escapes() {
        var sample = Self.sample(.gauge, "g", 1, [("l", "a\"b\\c\nd")])
        sample.help = "one\ntwo \\ \"three\""
        #expect(
            Self.text([sample]) == "# HELP g one\\ntwo \\\\ \"three\"\n# TYPE g gauge\ng{l=\"a\\\"b\\\\c\\nd\"} 1\n")
        #expect(Self.text([sample], .openMetrics).hasPrefix("# HELP g one\\ntwo \\\\ \\\"three\\\"\n"))
    }

    @Test("the samples of a family stand together, and no series stands twice")
    func families() {
        let samples = [
            Self.sample(.gauge, "g", 1, [("i", "a")]), Self.sample(.counter, "c", 2),
            Self.sample(.gauge, "g", 3, [("i", "b")]), Self.sample(.gauge, "g", 9, [("i", "a")]),
            Self.sample(.counter, "g", 7),
        ]
        let lines = Self.text(samples).split(separator: "\n").filter { !$0.hasPrefix("#") }
        #expect(lines == ["g{i=\"a\"} 1", "g{i=\"b\"} 3", "c_total 2"])
    }

    @Test("a histogram has buckets, sum and count; OpenMetrics adds the exemplar")
    func histogram() {
        var sample = Self.sample(.histogram, "h_seconds", 2.5, [("hook", "acl.publish")])
        sample.buckets = Sample.Buckets(bounds: [0.5, 1], counts: [1, 2, 4], count: 4)
        sample.buckets?.exemplars = [
            Sample.Exemplar(
                bucket: 1, value: 0.75, time: 1_700_000_000_042_000_000, trace: [0xAB, 1], span: [0xCD, 2])
        ]
        #expect(
            Self.text([sample]) == """
                # HELP h_seconds Help of h_seconds.
                # TYPE h_seconds histogram
                h_seconds_bucket{hook="acl.publish",le="0.5"} 1
                h_seconds_bucket{hook="acl.publish",le="1.0"} 2
                h_seconds_bucket{hook="acl.publish",le="+Inf"} 4
                h_seconds_sum{hook="acl.publish"} 2.5
                h_seconds_count{hook="acl.publish"} 4

                """)
        #expect(
            Self.text([sample], .openMetrics).contains(
                "le=\"1.0\"} 2 # {trace_id=\"ab01\",span_id=\"cd02\"} 0.75 1700000000.042\n"))
    }

    @Test(
        "numbers",
        arguments: [
            (0.0, "0"), (12.0, "12"), (0.25, "0.25"), (-3.0, "-3"), (Double.nan, "NaN"), (Double.infinity, "+Inf"),
            (-Double.infinity, "-Inf"), (1e300, "1e+300"),
        ])
    func numbers(_ value: Double, _ text: String) {
        #expect(Exposition.number(value) == text)
    }

    @Test(
        "the form that is liked best",
        arguments: [
            ("", ExpositionFormat.prometheus), ("*/*", .prometheus), ("text/html", .prometheus),
            ("application/openmetrics-text", .openMetrics),
            (
                "application/openmetrics-text;version=1.0.0;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,"
                    + "text/plain;version=0.0.4;q=0.3,*/*;q=0.2", .openMetrics
            ),
            ("application/openmetrics-text; q=0.1, text/plain", .prometheus),
            ("application/openmetrics-text;version=2.0.0", .prometheus),
            ("APPLICATION/OpenMetrics-Text ; Version=1.0.0", .openMetrics),
        ])
    func negotiation(_ header: String, _ format: ExpositionFormat) {
        #expect(ExpositionFormat(accepting: header) == format)
    }
}
