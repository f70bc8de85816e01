import MQTTCodec
import Testing

/// Properties where they may not stand, and where they stand twice (section 2.2.2.2).
@Suite struct PropertyPlaceTests {
    /// The packets of a Client that have properties, each with those it may hold, written down from table 2-4.
    enum Place: String, CaseIterable, Sendable {
        case connect, will, publish, puback, pubrec, pubrel, pubcomp, subscribe, unsubscribe, disconnect

        var allowed: Set<UInt8> {
            switch self {
            case .connect: [0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27]
            case .will: [0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26]
            case .publish: [0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26]
            case .puback, .pubrec, .pubrel, .pubcomp: [0x1F, 0x26]
            case .subscribe: [0x0B, 0x26]
            case .unsubscribe: [0x26]
            case .disconnect: [0x11, 0x1C, 0x1F, 0x26]
            }
        }

        /// A packet with this block of properties and nothing else that is wrong.
        func packet(_ properties: [UInt8]) -> [UInt8] {
            let block = [UInt8(properties.count)] + properties
            let head: [UInt8] = [0, 4] + Array("MQTT".utf8) + [5]
            let (first, body): (UInt8, [UInt8]) =
                switch self {
                case .connect: (0x10, head + [2, 0, 0] + block + [0, 0])
                case .will: (0x10, head + [6, 0, 0, 0, 0, 0] + block + [0, 1, 0x74, 0, 0])
                case .publish: (0x30, [0, 1, 0x74] + block)
                case .puback: (0x40, [0, 9, 0] + block)
                case .pubrec: (0x50, [0, 9, 0] + block)
                case .pubrel: (0x62, [0, 9, 0] + block)
                case .pubcomp: (0x70, [0, 9, 0] + block)
                case .subscribe: (0x82, [0, 9] + block + [0, 1, 0x74, 0])
                case .unsubscribe: (0xA2, [0, 9] + block + [0, 1, 0x74])
                case .disconnect: (0xE0, [4] + block)
                }
            return WirePacket.frame(first, body)
        }
    }

    /// Every property with a value that is good where it may stand.
    static let samples: [UInt8: [UInt8]] = [
        0x01: [1], 0x02: [0, 0, 0, 9], 0x03: [0, 1, 0x78], 0x08: [0, 1, 0x78], 0x09: [0, 1, 0x78], 0x0B: [1],
        0x11: [0, 0, 0, 0], 0x12: [0, 1, 0x78], 0x13: [0, 9], 0x15: [0, 1, 0x78], 0x16: [0, 1, 0x78], 0x17: [1],
        0x18: [0, 0, 0, 9], 0x19: [0], 0x1A: [0, 1, 0x78], 0x1C: [0, 1, 0x78], 0x1F: [0, 1, 0x78], 0x21: [0, 9],
        0x22: [0, 9], 0x23: [0, 9], 0x24: [1], 0x25: [1], 0x26: [0, 1, 0x78, 0, 1, 0x78], 0x27: [0, 0, 9, 9], 0x28: [1],
        0x29: [1], 0x2A: [1],
    ]

    /// The code of CONNACK or DISCONNECT; nil when the packet was taken.
    private func refusal(_ bench: HostileBench, _ place: Place, _ properties: [UInt8]) -> UInt8? {
        let isConnect = place == .connect || place == .will
        let line = isConnect ? bench.open() : bench.online(.v5_0)
        line.send(place.packet(properties))
        defer { line.drop() }
        guard line.isClosed, bench.lastCause != .clientDisconnect else { return nil }
        return reasonCode(line.takeOutput())
    }

    @Test(
        "A property that may not stand in a packet makes it malformed, one that may does not", arguments: Place.allCases
    )
    func misplaced(place: Place) {
        let bench = HostileBench()
        let good = GoodClient(bench)
        for (id, value) in Self.samples {
            let code = refusal(bench, place, [id] + value)
            // 0x0B is a Protocol Error of its own in PUBLISH; a method is refused because none is offered.
            let expected: UInt8? =
                switch (place, id) {
                case (.publish, 0x0B): 0x82
                case (.connect, 0x15): 0x8C
                case (.connect, 0x16): 0x82
                case (.disconnect, 0x1C): nil
                default: place.allowed.contains(id) ? nil : 0x81
                }
            #expect(code == expected, "property \(id) in \(place)")
            if expected != nil { #expect(namesAStatement(bench.lastWords), "\(bench.lastWords)") }
        }
        #expect(good.noticedNothing())
    }

    @Test("A property that stands twice is a Protocol Error, a User Property is not", arguments: Place.allCases)
    func twice(place: Place) {
        let bench = HostileBench()
        for id in place.allowed {
            guard let value = Self.samples[id] else { continue }
            let code = refusal(bench, place, [id] + value + [id] + value)
            #expect(code == (id == 0x26 ? nil : 0x82), "property \(id) in \(place)")
            if id != 0x26 { #expect(namesAStatement(bench.lastWords), "\(bench.lastWords)") }
        }
    }

    @Test("Identifiers that are not defined make a packet malformed", arguments: Place.allCases)
    func undefined(place: Place) {
        let bench = HostileBench()
        for id in UInt8(0)...0x7F where Self.samples[id] == nil {
            #expect(refusal(bench, place, [id, 0, 0]) == 0x81, "property \(id) in \(place)")
        }
        #expect(refusal(bench, place, [0x80, 0x01, 0]) == 0x81)
        #expect(refusal(bench, place, [0x81, 0x00, 0]) == 0x81, "an identifier in more bytes than needed")
    }
}
