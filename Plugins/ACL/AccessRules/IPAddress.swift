/// An IP address; IPv4 addresses stand in the range that IPv6 has for them (::ffff:a.b.c.d, RFC 4291 2.5.5.2), so that
/// a client is the same one on a listener for both.
package struct IPAddress: Hashable, Sendable {
    /// Network byte order, as two numbers.
    let high: UInt64
    let low: UInt64

    private static let mappedPrefix: UInt64 = 0xffff_0000_0000

    init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    init(v4 bits: UInt32) {
        self.init(high: 0, low: Self.mappedPrefix | UInt64(bits))
    }

    /// Reads "10.0.0.7:51234" and "[::1]:51234", with or without port and brackets; `nil` for anything else, such as
    /// the peer of a local socket. Does not allocate.
    package init?(_ text: Span<UInt8>) {
        if text.count > 0, text[0] == UInt8(ascii: "[") {
            guard let end = (1..<text.count).first(where: { text[$0] == UInt8(ascii: "]") }) else { return nil }
            self.init(v6: text.extracting(1..<end))
            return
        }
        var colons = 0
        var lastColon = text.count
        for index in text.indices where text[index] == UInt8(ascii: ":") {
            colons += 1
            lastColon = index
        }
        if colons > 1 {
            self.init(v6: text)
        } else {
            self.init(v4: text.extracting(0..<lastColon))
        }
    }

    private init?(v4 text: Span<UInt8>) {
        guard let bits = Self.dotted(text) else { return nil }
        self.init(v4: bits)
    }

    /// Four decimal numbers. No leading zeros: some programs read those as octal.
    private static func dotted(_ text: Span<UInt8>) -> UInt32? {
        var (bits, number, digits, parts): (UInt32, UInt32, Int, Int) = (0, 0, 0, 0)
        for index in 0...text.count {
            let byte = index < text.count ? text[index] : UInt8(ascii: ".")
            if byte == UInt8(ascii: ".") {
                guard digits > 0, parts < 4 else { return nil }
                bits = bits << 8 | number
                (number, digits, parts) = (0, 0, parts + 1)
            } else {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte), digits < 3, digits == 0 || number > 0
                else { return nil }
                number = number * 10 + UInt32(byte - UInt8(ascii: "0"))
                guard number <= 255 else { return nil }
                digits += 1
            }
        }
        return parts == 4 ? bits : nil
    }

    /// Eight groups, one run of zeros as `::`, the last two groups as IPv4 if need be. A zone (`%eth0`) is left aside.
    private init?(v6 text: Span<UInt8>) {
        var head: (high: UInt64, low: UInt64) = (0, 0)
        var (count, gapAt, index) = (0, -1, 0)
        let end = text.indices.first { text[$0] == UInt8(ascii: "%") } ?? text.count
        func append(_ group: UInt64) {
            head = (head.high << 16 | head.low >> 48, head.low << 16 | group)
            count += 1
        }
        if end >= 2, text[0] == UInt8(ascii: ":"), text[1] == UInt8(ascii: ":") { (gapAt, index) = (0, 2) }
        while index < end {
            var (group, digits, stop): (UInt64, Int, Int) = (0, 0, index)
            while stop < end, let digit = Self.hexadecimal(text[stop]), digits < 5 {
                (group, digits, stop) = (group << 4 | digit, digits + 1, stop + 1)
            }
            if stop < end, text[stop] == UInt8(ascii: ".") {
                guard count <= 6, let bits = Self.dotted(text.extracting(index..<end)) else { return nil }
                append(UInt64(bits >> 16))
                append(UInt64(bits & 0xffff))
                break
            }
            guard (1...4).contains(digits), count < 8 else { return nil }
            append(group)
            guard stop < end else { break }
            guard text[stop] == UInt8(ascii: ":"), stop + 1 < end else { return nil }
            index = stop + 1
            if text[index] == UInt8(ascii: ":") {
                guard gapAt < 0 else { return nil }
                (gapAt, index) = (count, index + 1)
            }
        }
        guard gapAt >= 0 ? count < 8 : count == 8 else { return nil }
        if gapAt >= 0 {
            let tail = count - gapAt
            let kept = Self.mask(head, lowest: tail * 16)
            let moved = Self.shift((head.high ^ kept.high, head.low ^ kept.low), left: (8 - count) * 16)
            head = (moved.high | kept.high, moved.low | kept.low)
        }
        self.init(high: head.high, low: head.low)
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt64? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt64(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt64(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt64(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The `bits` lowest bits, the others 0.
    private static func mask(_ value: (high: UInt64, low: UInt64), lowest bits: Int) -> (high: UInt64, low: UInt64) {
        if bits >= 64 { return (value.high & ~(.max << UInt64(bits - 64)), value.low) }
        return (0, value.low & ~(.max << UInt64(bits)))
    }

    private static func shift(_ value: (high: UInt64, low: UInt64), left bits: Int) -> (high: UInt64, low: UInt64) {
        if bits == 0 { return value }
        if bits >= 64 { return (value.low << UInt64(bits - 64), 0) }
        return (value.high << UInt64(bits) | value.low >> UInt64(64 - bits), value.low << UInt64(bits))
    }

    /// With all but the first `bits` bits 0.
    func masked(to bits: Int) -> IPAddress {
        if bits >= 128 { return self }
        if bits >= 64 { return IPAddress(high: high, low: bits == 64 ? 0 : low & (.max << UInt64(128 - bits))) }
        return IPAddress(high: bits == 0 ? 0 : high & (.max << UInt64(64 - bits)), low: 0)
    }
}

/// Neighbouring addresses, "10.0.0.0/8" or "2001:db8::/32" (RFC 4632); a single address is a range of one.
struct AddressRange: Hashable, Sendable {
    let first: IPAddress
    /// Leading bits that all share, 0 to 128.
    let prefix: Int

    /// - Returns: `nil` for anything that is no range, also when bits behind the prefix are set: `10.0.0.7/8` is a
    ///   typing error, and nobody can say for which of the two ranges.
    init?(_ text: String) {
        let parts = text.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), let address = IPAddress(Array(parts[0]).span) else { return nil }
        let isV4 = !parts[0].contains(UInt8(ascii: ":"))
        // A port has no place here, and brackets are for ports.
        guard !parts[0].contains(UInt8(ascii: "[")) else { return nil }
        var bits = 128
        if parts.count == 2 {
            guard (1...3).contains(parts[1].count), let written = UInt8(String(decoding: parts[1], as: UTF8.self)),
                parts[1].first != UInt8(ascii: "+"), written <= (isV4 ? 32 : 128)
            else { return nil }
            bits = Int(written) + (isV4 ? 96 : 0)
        }
        guard address.masked(to: bits) == address else { return nil }
        first = address
        prefix = bits
    }
}
