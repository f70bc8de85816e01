/// A span that has ended, as OTLP has it (opentelemetry/proto/trace/v1/trace.proto).
public struct OTLPSpan: Sendable, Equatable {
    /// `SpanKind`
    public enum Kind: UInt64, Sendable {
        /// Work within: `SPAN_KIND_INTERNAL`.
        case work = 1
        case server = 2
        case client = 3
        case producer = 4
        case consumer = 5
    }

    /// 16 bytes.
    public var trace: [UInt8]
    /// 8 bytes.
    public var span: [UInt8]
    /// 8 bytes; empty: the trace begins here.
    public var parent: [UInt8]
    /// W3C `tracestate`; empty: none.
    public var traceState: String
    /// What was done.
    public var name: String
    /// What it is.
    public var kind: Kind
    /// Nanoseconds since 1970.
    public var began, ended: UInt64
    /// In no order; values of keys in ``numbers`` that are whole numbers are sent as such.
    public var attributes: [OTLPAttribute]
    /// False: `STATUS_CODE_ERROR`.
    public var isOK: Bool

    /// Keys whose values the semantic conventions want as numbers.
    public static let numbers: Set<String> = ["messaging.message.body.size", "mqtt.qos"]

    /// All of it.
    public init(
        trace: [UInt8], span: [UInt8], parent: [UInt8], traceState: String, name: String, kind: Kind, began: UInt64,
        ended: UInt64, attributes: [OTLPAttribute], isOK: Bool
    ) {
        self.trace = trace
        self.span = span
        self.parent = parent
        self.traceState = traceState
        self.name = name
        self.kind = kind
        self.began = began
        self.ended = ended
        self.attributes = attributes
        self.isOK = isOK
    }

    /// An export request (`ExportTraceServiceRequest`).
    public static func request(_ spans: [OTLPSpan], of resource: OTLPResource) -> [UInt8] {
        resource.request { scope in
            for span in spans { scope.message(2) { span.write(to: &$0) } }
        }
    }

    private static let errorStatus: UInt64 = 2

    private func write(to writer: inout ProtobufWriter) {
        writer.data(1, trace)
        writer.data(2, span)
        writer.text(3, traceState)
        writer.data(4, parent)
        writer.text(5, name)
        writer.unsigned(6, kind.rawValue)
        writer.fixed64(7, began)
        writer.fixed64(8, ended)
        for attribute in attributes {
            if Self.numbers.contains(attribute.key), let number = Int64(attribute.value) {
                writer.message(9) { pair in
                    pair.text(1, attribute.key)
                    pair.message(2) { $0.optionalInteger(3, number) }
                }
            } else {
                attribute.write(9, to: &writer)
            }
        }
        if !isOK { writer.message(15) { $0.unsigned(3, Self.errorStatus) } }
    }
}
