internal import PluginABI

/// Topics and filters by the rules of MQTT, as the broker applies them. False without the service.
extension PluginHost {
    /// Whether a filter matches a topic name.
    public func matches(filter: String, topic: String) -> Bool {
        withView(filter) { filter in
            withView(topic) { raw.pointee.topic?.pointee.matches?(raw, filter, $0) == 1 }
        }
    }

    /// Whether a text is a topic name.
    public func isValidTopic(_ topic: String) -> Bool {
        withView(topic) { raw.pointee.topic?.pointee.valid_topic?(raw, $0) == 1 }
    }

    /// Whether a text is a topic filter.
    public func isValidFilter(_ filter: String) -> Bool {
        withView(filter) { raw.pointee.topic?.pointee.valid_filter?(raw, $0) == 1 }
    }

    /// Whether every topic of one filter is in another one.
    public func covers(_ wider: String, _ narrower: String) -> Bool {
        withView(wider) { wider in
            withView(narrower) { raw.pointee.topic?.pointee.covers?(raw, wider, $0) == 1 }
        }
    }
}
