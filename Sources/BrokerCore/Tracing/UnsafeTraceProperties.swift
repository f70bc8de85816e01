import MQTTCodec

/// What the MQTT 5 properties of a message say about its trace: User Properties named as the HTTP headers of W3C Trace
/// Context, in lower case.
struct TraceProperties {
    /// The valid `traceparent`; nil without one, and when there are several: which of them holds nobody could say.
    private(set) var context: TraceContext?
    /// `tracestate`; several are one list, in their order (RFC 9110, section 5.3). Without a valid context it means
    /// nothing.
    private(set) var traceState: [UInt8] = []
    /// Correlation Data, borrowed from the block.
    private(set) var correlation = UnsafeRawBufferPointer(start: nil, count: 0)

    private var parents = 0

    /// Bytes of a `tracestate` that is taken (W3C Trace Context, section 3.3.1.5, asks for 512 at least).
    private static let maximumState = 1024

    /// Reads a block of forwardable properties.
    init(_ block: UnsafeRawBufferPointer) {
        var walk = PropertyWalk(block)
        while let property = walk.next() {
            if property.id == .correlationData {
                correlation = UnsafeRawBufferPointer(rebasing: block[property.start + 3..<property.end])
            }
            guard let (kind, value) = Self.pair(of: property, in: block) else { continue }
            switch kind {
            case .parent:
                parents += 1
                context = parents == 1 ? TraceContext(value) : nil
            case .state:
                guard traceState.count + value.count < Self.maximumState else { continue }
                if !traceState.isEmpty { traceState.append(UInt8(ascii: ",")) }
                traceState.append(contentsOf: value)
            }
        }
        if context == nil { traceState = [] }
    }

    /// The block with `context` as its `traceparent`, and without any other; the caller frees it. What else is in it
    /// stays, in its order [MQTT-3.3.2-18].
    /// - Parameter keepsState: false: the trace begins here, what was said of another is left out.
    static func replacing(
        _ context: TraceContext, keepsState: Bool, in block: UnsafeRawBufferPointer
    ) -> UnsafeMutableRawBufferPointer {
        let added = 1 + 2 + parentName.utf8CodeUnitCount + 2 + TraceContext.length
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: block.count + added, alignment: 1)
        var used = 0
        var isWritten = false
        var walk = PropertyWalk(block)
        while let property = walk.next() {
            switch pair(of: property, in: block)?.0 {
            case .parent where isWritten: continue
            case .parent:
                used += write(context, to: room, at: used)
                isWritten = true
            case .state where !keepsState: continue
            case .state, nil:
                let bytes = UnsafeRawBufferPointer(rebasing: block[property.start..<property.end])
                UnsafeMutableRawBufferPointer(rebasing: room[used...]).copyMemory(from: bytes)
                used += bytes.count
            }
        }
        if !isWritten { used += write(context, to: room, at: used) }
        return UnsafeMutableRawBufferPointer(rebasing: room[..<used])
    }

    private enum Kind { case parent, state }

    private static let parentName: StaticString = "traceparent"
    private static let stateName: StaticString = "tracestate"

    private static func pair(
        of property: (id: PropertyID, start: Int, end: Int), in block: UnsafeRawBufferPointer
    ) -> (Kind, UnsafeRawBufferPointer)? {
        guard property.id == .userProperty else { return nil }
        let nameStart = property.start + 3
        let nameEnd = nameStart + Int(block[property.start + 1]) << 8 + Int(block[property.start + 2])
        let name = block[nameStart..<nameEnd]
        let kind: Kind
        if name.elementsEqual(bytes(parentName)) {
            kind = .parent
        } else if name.elementsEqual(bytes(stateName)) {
            kind = .state
        } else {
            return nil
        }
        return (kind, UnsafeRawBufferPointer(rebasing: block[nameEnd + 2..<property.end]))
    }

    private static func bytes(_ name: StaticString) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
    }

    private static func write(
        _ context: TraceContext, to room: UnsafeMutableRawBufferPointer, at start: Int
    ) -> Int {
        guard let base = room.baseAddress?.assumingMemoryBound(to: UInt8.self) else { return 0 }
        let place = base + start
        let count = parentName.utf8CodeUnitCount
        place[0] = PropertyID.userProperty.rawValue
        place[1] = 0
        place[2] = UInt8(count)
        (place + 3).update(from: parentName.utf8Start, count: count)
        place[3 + count] = 0
        place[4 + count] = UInt8(TraceContext.length)
        context.write(to: place + 5 + count)
        return 5 + count + TraceContext.length
    }
}
