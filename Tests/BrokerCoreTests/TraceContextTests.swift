import Testing

@testable import BrokerCore

/// `traceparent` and correlation ids: what is taken, and what is not.
@Suite struct TraceContextTests {
    private static let valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"

    private func context(_ text: String) -> TraceContext? {
        Array(text.utf8).withUnsafeBytes { TraceContext($0) }
    }

    @Test("A traceparent is read, and written as it was")
    func read() {
        let found = context(Self.valid)
        #expect(
            found
                == TraceContext(
                    traceHigh: 0x4BF9_2F35_77B3_4DA6, traceLow: 0xA3CE_929D_0E0E_4736, spanID: 0x00F0_67AA_0BA9_02B7))
        #expect(found?.isSampled == true)
        #expect(found.map { String(decoding: $0.traceparent, as: UTF8.self) } == Self.valid)
    }

    @Test(
        "What W3C Trace Context calls invalid is no context",
        arguments: [
            "", "00", "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0", valid + "-more", valid + "0",
            "00-4bf92f3577b34da6a3ce929d0e0e4736_00f067aa0ba902b7-01",
            "0x-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e473g-00f067aa0ba902b7-01",
        ])
    func invalid(_ text: String) { #expect(context(text) == nil) }

    @Test("A later version is read as far as it is known, and handed on as version 00 with known flags")
    func laterVersion() {
        let found = context("cc" + Self.valid.dropFirst(2) + "-what-comes-later")
        #expect(found.map { String(decoding: $0.traceparent, as: UTF8.self) } == Self.valid)
        #expect(context("cc" + Self.valid.dropFirst(2) + ".later") == nil)
        #expect(context("00" + Self.valid.dropFirst(2).dropLast(2) + "ff")?.flags == 3)
        #expect(context("00" + Self.valid.dropFirst(2).dropLast(2) + "00")?.isSampled == false)
    }

    @Test("A ratio records its share of the traces, and the same ones everywhere")
    func ratio() {
        var random = ShardRandom(seed: 1)
        let ids = (0..<10_000).map { _ in random.next() }
        func recorded(_ ratio: Double) -> [UInt64] {
            ids.filter { TraceSettings.isRecorded(traceLow: $0, ratio: ratio) }
        }
        #expect(recorded(0).isEmpty && recorded(1) == ids)
        #expect((900...1100).contains(recorded(0.1).count))
        #expect(Set(recorded(0.1)).isSubset(of: recorded(0.2)))
        #expect(recorded(1.0.nextDown).count >= 9_999)
        #expect(TraceSettings(ratio: .nan, clock: { 0 }, take: { _ in }).ratio == 0)
        #expect(TraceSettings(ratio: 7, clock: { 0 }, take: { _ in }).ratio == 1)
    }

    @Test(
        "A correlation id is found in JSON text",
        arguments: [
            (#"{"id":"abc"}"#, "abc"), (#"{"x":{"id" : "abc"}}"#, "abc"), (#"{"id":42}"#, "42"),
            (#"{"name":"id","id":"abc"}"#, "abc"), (#"{"id":"a\"b"}"#, nil), (#"{"id":""}"#, nil),
            (#"{"id":42"#, nil), (#"{"id":"open"#, nil), (#"{"idx":"no"}"#, nil), (#"{"id"}"#, nil), ("id", nil),
            (#""id""#, nil), ("", nil), (#"{"id":true}"#, nil),
        ] as [(String, String?)])
    func correlation(_ payload: String, _ wanted: String?) {
        let found = Array(payload.utf8).withUnsafeBytes { PayloadCorrelation.find(Array("id".utf8), in: $0) }
        #expect(found.map { String(decoding: $0, as: UTF8.self) } == wanted)
    }

    @Test("Only the beginning of a payload is searched, and a long id is none")
    func correlationBounds() {
        let far = #"{"a":""# + String(repeating: "x", count: PayloadCorrelation.searched) + #"","id":"abc"}"#
        let long = #"{"id":""# + String(repeating: "x", count: PayloadCorrelation.maximumLength + 1) + #""}"#
        for payload in [far, long] {
            #expect(Array(payload.utf8).withUnsafeBytes { PayloadCorrelation.find(Array("id".utf8), in: $0) } == nil)
        }
        #expect(Array(far.utf8).withUnsafeBytes { PayloadCorrelation.find([], in: $0) } == nil)
    }

    @Test("A UUID is its trace; any other id leads to one trace of its own")
    func traceOfCorrelation() {
        let trace = PayloadCorrelation.trace(of: Array("4BF92F35-77b3-4da6-a3ce-929d0e0e4736".utf8))
        #expect([trace.high, trace.low] == [0x4BF9_2F35_77B3_4DA6, 0xA3CE_929D_0E0E_4736])
        let ids = ["order-1", "order-1", "order-2"].map { id in
            let trace = PayloadCorrelation.trace(of: Array(id.utf8))
            return [trace.high, trace.low]
        }
        #expect(ids[0] == ids[1] && ids[0] != ids[2] && ids[0][0] != ids[0][1])
    }
}
