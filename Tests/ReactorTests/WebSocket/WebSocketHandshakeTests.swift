import Testing

@testable import Reactor

private struct Refusal: CustomTestStringConvertible {
    var name: String
    var request: String
    var status: Int
    var testDescription: String { name }
}

@Suite struct WebSocketHandshakeTests {
    @Test(arguments: [1, 2, 7, .max]) func `the sample of RFC 6455 is answered as it says, however it arrives`(
        size: Int
    ) {
        let bench = FilterBench(WebSocketSettings(path: "/mqtt").makeFilter())
        #expect(!bench.filter.acceptsPlain)
        bench.receive(openingRequest(), inPiecesOf: size)
        #expect(
            String(decoding: bench.wire, as: UTF8.self)
                == "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                + "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n")
        #expect(bench.filter.acceptsPlain)
    }

    @Test(arguments: [
        Refusal(name: "not HTTP", request: "\u{10}\u{0C}\u{00}\u{04}MQTT", status: 400),
        Refusal(name: "POST", request: openingRequest(first: "POST /mqtt HTTP/1.1"), status: 400),
        Refusal(name: "HTTP/1.0", request: openingRequest(first: "GET /mqtt HTTP/1.0"), status: 400),
        Refusal(name: "another path", request: openingRequest("/other"), status: 404),
        Refusal(name: "a longer path", request: openingRequest("/mqtt/"), status: 404),
        Refusal(name: "no Host", request: openingRequest("/mqtt", ["Host": nil]), status: 426),
        Refusal(name: "no Upgrade", request: openingRequest("/mqtt", ["Upgrade": nil]), status: 426),
        Refusal(name: "Upgrade to HTTP/2", request: openingRequest("/mqtt", ["Upgrade": "h2c"]), status: 426),
        Refusal(name: "Connection: close", request: openingRequest("/mqtt", ["Connection": "close"]), status: 426),
        Refusal(name: "version 8", request: openingRequest("/mqtt", ["Sec-WebSocket-Version": "8"]), status: 426),
        Refusal(name: "no key", request: openingRequest("/mqtt", ["Sec-WebSocket-Key": nil]), status: 400),
        Refusal(name: "a short key", request: openingRequest("/mqtt", ["Sec-WebSocket-Key": "abc="]), status: 400),
        Refusal(name: "two keys", request: openingRequest("/mqtt", ["sec-websocket-key": "x"]), status: 400),
        Refusal(name: "no subprotocol", request: openingRequest("/mqtt", ["Sec-WebSocket-Protocol": nil]), status: 400),
        Refusal(
            name: "other subprotocols", request: openingRequest("/mqtt", ["Sec-WebSocket-Protocol": "wamp, MQTT"]),
            status: 400),
        Refusal(name: "a folded line", request: openingRequest("/mqtt", ["X": "a\r\n b"]), status: 400),
        Refusal(name: "a bare line end", request: openingRequest("/mqtt", ["X": "a\nUpgrade: x"]), status: 400),
        Refusal(name: "a blank before the colon", request: openingRequest("/mqtt", ["X ": "a"]), status: 400),
        Refusal(
            name: "a head without end", request: "GET /mqtt HTTP/1.1\r\nX: " + String(repeating: "a", count: 9000),
            status: 431),
    ]) private func `what is no opening handshake is refused with a reason [MQTT-6.0.0-3][v3 MQTT-6.0.0-3]`(
        refusal: Refusal
    ) {
        for size in [1, .max] {
            let bench = FilterBench(WebSocketSettings(path: "/mqtt").makeFilter())
            bench.receive(refusal.request, inPiecesOf: size)
            let answer = String(decoding: bench.wire, as: UTF8.self)
            #expect(answer.hasPrefix("HTTP/1.1 \(refusal.status) "), "\(answer)")
            #expect(bench.failure == FilterFailure.webSocket(UInt16(refusal.status)))
            #expect(!bench.filter.acceptsPlain)
        }
    }

    @Test func `whoever does not begin as HTTP is told with the first byte`() {
        let bench = FilterBench(WebSocketSettings(path: "/mqtt").makeFilter())
        bench.receive([0x10])
        #expect(bench.failure != nil)
    }

    @Test func `a query does not matter, and what follows the handshake is frames`() {
        let bench = FilterBench(WebSocketSettings(path: "/mqtt").makeFilter())
        bench.receive(Array(openingRequest("/mqtt?token=x").utf8) + ClientFrame.binary([1, 2, 3]))
        #expect(bench.plain == [1, 2, 3])
    }

    @Test(
        arguments: [
            ("https://example.org", true), ("HTTPS://Example.ORG", true), ("https://example.org:444", false),
            ("null", false), ("https://evil.example", false), (nil, true),
        ] as [(String?, Bool)])
    func `a browser connects from the origins that are allowed, a program from anywhere`(
        origin: String?, isAllowed: Bool
    ) {
        let settings = WebSocketSettings(path: "/mqtt", origins: ["https://example.org"])
        let bench = FilterBench(settings.makeFilter())
        bench.receive(openingRequest("/mqtt", ["Origin": origin]))
        #expect(bench.filter.acceptsPlain == isAllowed)
        if !isAllowed { #expect(bench.failure == FilterFailure.webSocket(403)) }
    }

    @Test(
        arguments: [
            ("http://localhost:3000", "localhost:8083", true), ("http://127.0.0.1:3000", "localhost:8083", true),
            ("http://[::1]", "127.0.0.1:8083", true), ("https://Broker.example", "broker.example:8084", true),
            ("https://evil.example", "localhost:8083", false), ("https://localhost.evil.example", "localhost", false),
            ("https://evil.example:8083", "broker.example:8083", false), ("null", "localhost:8083", false),
            ("file://", "localhost:8083", false), ("http://127.evil.example", "127.0.0.1", false),
        ])
    func `without a list of origins pages come from the broker's own host`(
        origin: String, host: String, isAllowed: Bool
    ) {
        for origins in [[], ["*"]] {
            let bench = FilterBench(WebSocketSettings(path: "/mqtt", origins: origins).makeFilter())
            bench.receive(openingRequest("/mqtt", ["Origin": origin, "Host": host]))
            #expect(bench.filter.acceptsPlain == (isAllowed || origins == ["*"]))
        }
    }

    @Test(arguments: [("localhost:8083", true), ("evil.example:8083", false)])
    func `a local listener is not reached by a name that only points to it`(host: String, isAllowed: Bool) {
        var settings = WebSocketSettings(path: "/mqtt")
        settings.isLocal = true
        let bench = FilterBench(settings.makeFilter())
        bench.receive(openingRequest("/mqtt", ["Origin": "http://" + host, "Host": host]))
        #expect(bench.filter.acceptsPlain == isAllowed)
    }
}
