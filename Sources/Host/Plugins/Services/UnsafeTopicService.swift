import BrokerCore
import PluginABI

/// topic/1, clock/1 and random/1.
extension ServiceTables {
    static func makeTopic() -> hl_topic_v1 {
        var table = hl_topic_v1()
        table.struct_size = UInt32(MemoryLayout<hl_topic_v1>.size)
        table.matches = { _, filter, topic in
            TopicFilter.matches(filter: filter.bytes, topic: topic.bytes) ? 1 : 0
        }
        table.valid_topic = { _, topic in ServiceTables.isValidTopic(topic.bytes) ? 1 : 0 }
        table.valid_filter = { _, filter in
            filter.len <= 65_535 && TopicFilter.validate(filter.bytes, maximumLevels: 65_535) == nil ? 1 : 0
        }
        table.covers = { _, wider, narrower in ServiceTables.covers(wider.bytes, narrower.bytes) ? 1 : 0 }
        return table
    }

    /// A topic name: not empty, no wildcard, no NUL [MQTT-4.7.3-1, MQTT-4.7.3-2, MQTT-3.3.2-2], valid UTF-8.
    static func isValidTopic(_ topic: UnsafeRawBufferPointer) -> Bool {
        !topic.isEmpty && topic.count <= 65_535 && !TopicFilter.hasWildcard(topic) && !topic.contains(0)
            && String(validating: topic, as: UTF8.self) != nil
    }

    /// Whether every topic that `narrower` matches is matched by `wider`.
    private static func covers(_ wider: UnsafeRawBufferPointer, _ narrower: UnsafeRawBufferPointer) -> Bool {
        let slash = UInt8(ascii: "/")
        let wide = wider.split(separator: slash, omittingEmptySubsequences: false)
        let narrow = narrower.split(separator: slash, omittingEmptySubsequences: false)
        // A wildcard at the front does not match topics that begin with '$' [MQTT-4.7.2-1].
        if narrower.first == UInt8(ascii: "$"), ["+", "#"].contains(where: { wider.starts(with: $0.utf8) }) {
            return false
        }
        for (index, level) in wide.enumerated() {
            if level.elementsEqual("#".utf8) { return true }
            guard index < narrow.count, !narrow[index].elementsEqual("#".utf8) else { return false }
            let isSame = level.elementsEqual(narrow[index])
            let isPlus = level.elementsEqual("+".utf8)
            guard isSame || isPlus else { return false }
        }
        return wide.count == narrow.count
    }

    static func makeClock() -> hl_clock_v1 {
        var table = hl_clock_v1()
        table.struct_size = UInt32(MemoryLayout<hl_clock_v1>.size)
        table.monotonic = { _ in monotonicNow() }
        table.wall = { _ in wallNow() }
        return table
    }

    static func makeRandom() -> hl_random_v1 {
        var table = hl_random_v1()
        table.struct_size = UInt32(MemoryLayout<hl_random_v1>.size)
        table.fill = { _, bytes, size in
            guard let bytes else { return }
            // The system's generator, which reads the kernel's.
            var generator = SystemRandomNumberGenerator()
            var offset = 0
            while offset < Int(size) {
                var word = generator.next()
                let count = min(8, Int(size) - offset)
                withUnsafeBytes(of: &word) { source in
                    UnsafeMutableRawBufferPointer(start: bytes + offset, count: count)
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[..<count]))
                }
                offset += count
            }
        }
        return table
    }
}
