import Testing

@testable import Reactor

private let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]

private func binary(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
    let length = length ?? rest.count
    return signature + [command, family, UInt8(length >> 8), UInt8(length & 0xFF)] + rest
}

private struct Header: CustomTestStringConvertible {
    var name: String
    var bytes: [UInt8]
    /// Nil: the connection keeps the address it has.
    var address: String?
    var testDescription: String { name }
}

@Suite struct ProxyProtocolTests {
    @Test(arguments: [
        Header(
            name: "TCP4", bytes: Array("PROXY TCP4 203.0.113.7 10.0.0.1 51234 1883\r\n".utf8),
            address: "203.0.113.7:51234"),
        Header(
            name: "TCP6", bytes: Array("PROXY TCP6 2001:db8::7 ::1 51234 1883\r\n".utf8), address: "[2001:db8::7]:51234"
        ),
        Header(name: "UNKNOWN", bytes: Array("PROXY UNKNOWN\r\n".utf8)),
        Header(
            name: "binary IPv4", bytes: binary(0x21, 0x11, [203, 0, 113, 7, 10, 0, 0, 1, 0xC8, 0x22, 7, 0x5B]),
            address: "203.0.113.7:51234"),
        Header(
            name: "binary IPv6 with an extension",
            bytes: binary(
                0x21, 0x21,
                [0x20, 1, 0x0D, 0xB8] + [UInt8](repeating: 0, count: 11) + [7] + [UInt8](repeating: 0, count: 16)
                    + [0xC8, 0x22, 7, 0x5B] + [0x04, 0, 2, 9, 9]),
            address: "[2001:db8::7]:51234"),
        Header(name: "health check", bytes: binary(0x20, 0x00, [])),
    ]) private func `a header is taken off and tells who is there, however it arrives`(header: Header) {
        for size in [1, 5, .max] {
            let bench = FilterBench(ProxyFilter(inner: nil))
            bench.receive(header.bytes + [0x10, 1], inPiecesOf: size)
            #expect(bench.plain == [0x10, 1])
            #expect(bench.filter.discovery?.address?.description == header.address)
            bench.write([5])
            #expect(bench.wire == [5])
        }
    }

    @Test(arguments: [
        Header(name: "MQTT at once", bytes: [0x10, 0x0C]),
        Header(name: "HTTP", bytes: Array("GET / HTTP/1.1\r\n".utf8)),
        Header(name: "a name", bytes: Array("PROXY TCP4 localhost 10.0.0.1 1 2\r\n".utf8)),
        Header(name: "wrong family", bytes: Array("PROXY TCP6 10.0.0.1 10.0.0.1 1 2\r\n".utf8)),
        Header(name: "port 70000", bytes: Array("PROXY TCP4 10.0.0.1 10.0.0.1 70000 2\r\n".utf8)),
        Header(name: "two blanks", bytes: Array("PROXY  TCP4 10.0.0.1 10.0.0.1 1 2\r\n".utf8)),
        Header(name: "no end", bytes: Array(("PROXY UNKNOWN " + String(repeating: "x", count: 200)).utf8)),
        Header(name: "bare line end", bytes: Array("PROXY UNKNOWN\n".utf8)),
        Header(name: "version 3", bytes: binary(0x31, 0x11, [UInt8](repeating: 0, count: 12))),
        Header(name: "short addresses", bytes: binary(0x21, 0x11, [1, 2, 3, 4])),
        Header(name: "too long", bytes: binary(0x21, 0x11, [], length: 60_000)),
        Header(name: "wrong signature", bytes: [0x0D, 0x0A, 0x0D, 0x0B]),
    ]) private func `what is no header ends the connection`(header: Header) {
        for size in [1, .max] {
            let bench = FilterBench(ProxyFilter(inner: nil))
            bench.receive(header.bytes, inPiecesOf: size)
            #expect(bench.failure == FilterFailure.proxyHeader)
            #expect(bench.plain.isEmpty)
        }
    }

    @Test func `the header stands before everything else`() {
        let bench = FilterBench(ProxyFilter(inner: WebSocketSettings(path: "/mqtt").makeFilter()))
        #expect(!bench.filter.acceptsPlain)
        bench.receive(
            "PROXY TCP4 203.0.113.7 10.0.0.1 51234 1883\r\n" + openingRequest(), inPiecesOf: 11)
        bench.receive(ClientFrame.binary([1]))
        #expect(bench.plain == [1])
        #expect(bench.filter.acceptsPlain)
        #expect(String(decoding: bench.wire, as: UTF8.self).hasPrefix("HTTP/1.1 101 "))
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.0.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.1.2.3", "10.1.2.3", true),
        ("10.1.2.3", "10.1.2.4", false), ("0.0.0.0/0", "203.0.113.7", true), ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true), ("2001:db8::/33", "2001:db8:ffff::1", false),
        ("::/0", "10.0.0.1", true), ("::1", "::1", true), ("fe80::/10", "fec0::1", false),
    ]) func `an address lies in a block or not`(block: String, address: String, isInside: Bool) throws {
        let range = try #require(AddressRange(block))
        #expect(range.contains(try #require(SocketAddress(host: address, port: 1))) == isInside)
        #expect(!range.contains(.unix))
    }

    @Test(arguments: ["", "10.0.0", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/-1", "::/129", "host", "10.0.0.0/8/8"])
    func `what is no block is refused`(text: String) {
        #expect(AddressRange(text) == nil)
    }
}
