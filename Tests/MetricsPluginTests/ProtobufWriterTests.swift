import OTLP
import Testing

/// The bytes that protobuf's own encoders make of the same values (protobuf.dev, "Encoding").
@Suite struct ProtobufWriterTests {
    private static func bytes(_ body: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        body(&writer)
        return writer.bytes
    }

    @Test("numbers")
    func numbers() {
        #expect(Self.bytes { $0.unsigned(1, 150) } == [0x08, 0x96, 0x01])
        #expect(Self.bytes { $0.unsigned(1, .max) } == [0x08] + [UInt8](repeating: 0xFF, count: 9) + [0x01])
        #expect(Self.bytes { $0.boolean(16, true) } == [0x80, 0x01, 0x01])
        #expect(Self.bytes { $0.optionalInteger(3, -1) } == [0x18] + [UInt8](repeating: 0xFF, count: 9) + [0x01])
        #expect(Self.bytes { $0.fixed64(2, 0x0102) } == [0x11, 0x02, 0x01, 0, 0, 0, 0, 0, 0])
        #expect(Self.bytes { $0.fixed32(2, 7) } == [0x15, 7, 0, 0, 0])
        #expect(Self.bytes { $0.optionalDouble(4, 1) } == [0x21, 0, 0, 0, 0, 0, 0, 0xF0, 0x3F])
    }

    @Test("texts, bytes and messages have their length in front")
    func delimited() {
        #expect(Self.bytes { $0.text(2, "testing") } == [0x12, 7] + Array("testing".utf8))
        #expect(Self.bytes { $0.data(2, [1, 2]) } == [0x12, 2, 1, 2])
        #expect(Self.bytes { $0.message(3) { $0.unsigned(1, 150) } } == [0x1A, 3, 0x08, 0x96, 0x01])
        #expect(Self.bytes { $0.packedFixed64(6, [1]) } == [0x32, 8, 1, 0, 0, 0, 0, 0, 0, 0])
        let long = String(repeating: "x", count: 300)
        #expect(Self.bytes { $0.text(1, long) } == [0x0A, 0xAC, 0x02] + Array(long.utf8))
    }

    @Test("what is absent takes no byte; what is optional or a message does")
    func absence() {
        #expect(
            Self.bytes {
                $0.unsigned(1, 0)
                $0.boolean(2, false)
                $0.fixed64(3, 0)
                $0.fixed32(4, 0)
                $0.text(5, "")
                $0.data(6, [])
                $0.packedDouble(7, [])
            } == [])
        #expect(Self.bytes { $0.optionalText(1, "") } == [0x0A, 0])
        #expect(Self.bytes { $0.message(1) { _ in } } == [0x0A, 0])
    }

    @Test(
        "endpoints",
        arguments: [
            ("http://localhost:4318", "http://localhost:4318/v1/metrics"),
            ("https://c.example/otlp/", "https://c.example/otlp/v1/metrics"), ("localhost:4318", nil),
            ("http://", nil), ("https://user:secret@c.example", nil), ("http://a b", nil),
        ] as [(String, String?)])
    func endpoints(_ base: String, _ url: String?) {
        #expect(OTLPEndpoint(base: base, path: "/v1/metrics")?.url == url)
    }

    @Test("a header cannot hold the next one")
    func headers() {
        #expect(OTLPEndpoint(base: "http://h", path: "/v1/traces", headers: ["A: b\r\nC: d"]) == nil)
        #expect(OTLPEndpoint(base: "http://h", path: "/v1/traces", headers: ["A: b"])?.headers == ["A: b"])
    }
}
