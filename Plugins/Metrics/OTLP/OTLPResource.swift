/// An attribute of a resource, a data point or a span.
public struct OTLPAttribute: Sendable, Equatable {
    /// Such as `service.name`.
    public var key: String
    /// Any text.
    public var value: String

    /// A text under a key.
    public init(_ key: String, _ value: String) {
        self.key = key
        self.value = value
    }

    /// Field numbers of `KeyValue` and `AnyValue` (opentelemetry/proto/common/v1/common.proto).
    public func write(_ field: Int, to writer: inout ProtobufWriter) {
        writer.message(field) { pair in
            pair.text(1, key)
            pair.message(2) { $0.optionalText(1, value) }
        }
    }
}

/// Who tells: the process, and the code in it.
public struct OTLPResource: Sendable, Equatable {
    /// `service.name`, `service.version`, `service.instance.id` and what the operator adds.
    public var attributes: [OTLPAttribute]
    /// Name and version of what made the numbers or spans.
    public var scope: (name: String, version: String)

    /// A resource with the attributes that the semantic conventions ask for.
    public init(
        version: String, instance: String, scope: String, attributes: [OTLPAttribute] = []
    ) {
        let own = [
            OTLPAttribute("service.name", "hookline"), OTLPAttribute("service.version", version),
            OTLPAttribute("service.instance.id", instance),
        ]
        // What the operator says replaces what is said by default.
        self.attributes = own.filter { known in !attributes.contains { $0.key == known.key } } + attributes
        self.scope = (scope, version)
    }

    /// The same attributes and scope.
    public static func == (left: OTLPResource, right: OTLPResource) -> Bool {
        left.attributes == right.attributes && left.scope == right.scope
    }

    /// An export request: one resource with one scope. Its `repeated` field, and that of what is in the scope, have the
    /// same numbers for metrics, spans and logs.
    /// - Parameter items: writes the metrics, spans or log records as field 2.
    public func request(_ items: (inout ProtobufWriter) -> Void) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.message(1) { resourceItems in
            resourceItems.message(1) { resource in
                for attribute in attributes { attribute.write(1, to: &resource) }
            }
            resourceItems.message(2) { scopeItems in
                scopeItems.message(1) { told in
                    told.text(1, scope.name)
                    told.text(2, scope.version)
                }
                items(&scopeItems)
            }
        }
        return writer.bytes
    }
}
