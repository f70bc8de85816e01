internal import HTTPTypes
internal import PluginSDK

/// The trace a request belongs to (W3C Trace Context), carried on into the message as user properties.
enum TraceHeaders {
    /// Begins the span of a request, and adds the context to what is published.
    static func begin(
        _ name: String, _ call: Call, _ host: PluginHost, _ properties: inout PropertyList
    ) -> TraceSpan {
        let parent = value("traceparent", of: call).flatMap { isContext($0) ? $0 : nil }
        let span = host.beginSpan(name, traceparent: parent ?? "")
        // Where nobody takes spans the caller's own context goes on.
        if let context = host.traceparent(of: span) ?? parent {
            properties.addUser("traceparent", context)
            if parent != nil, let state = value("tracestate", of: call) { properties.addUser("tracestate", state) }
        }
        return span
    }

    private static func value(_ name: String, of call: Call) -> String? {
        HTTPField.Name(name).flatMap { call.request.headers[$0] }
    }

    /// "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    private static func isContext(_ text: String) -> Bool {
        let parts = text.split(separator: "-", omittingEmptySubsequences: false)
        return parts.map(\.utf8.count) == [2, 32, 16, 2]
            && parts.allSatisfy { $0.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) } }
    }
}
