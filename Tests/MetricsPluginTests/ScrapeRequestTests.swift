import Testing

@testable import MetricsPlugin

@Suite struct ScrapeRequestTests {
    private static func parse(_ text: String) -> ScrapeRequest.Parsed { ScrapeRequest.parse(Array(text.utf8)) }

    @Test("a request as Prometheus sends it")
    func prometheus() {
        let text =
            "GET /metrics?x=1 HTTP/1.1\r\nHost: LOCALHOST:9883\r\nAccept: text/plain;q=0.3\r\n"
            + "Accept: */*\r\nX-Other: 1\r\n\r\n"
        let request = ScrapeRequest(
            method: "GET", path: "/metrics", accept: "text/plain;q=0.3,*/*", host: "localhost:9883", isPersistent: true)
        #expect(Self.parse(text + "GET") == .request(request, length: text.utf8.count))
    }

    @Test("every beginning of a request is incomplete")
    func beginnings() {
        let text = "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
        let bytes = Array(text.utf8)
        for length in bytes.indices { #expect(ScrapeRequest.parse(Array(bytes[..<length])) == .incomplete) }
    }

    @Test(
        "what ends the connection",
        arguments: [
            ("GET /metrics HTTP/1.1\r\nConnection: close\r\n\r\n", false),
            ("GET /metrics HTTP/1.0\r\nA: b\r\n\r\n", false),
            ("GET /metrics HTTP/1.1\r\nContent-Length: 0\r\n\r\n", true),
        ])
    func persistence(_ text: String, _ stays: Bool) {
        guard case .request(let request, _) = Self.parse(text) else {
            Issue.record("not a request: \(text)")
            return
        }
        #expect(request.isPersistent == stays)
    }

    @Test(
        "what is refused",
        arguments: [
            ("GET\r\n\r\n", 400), ("GET metrics HTTP/1.1\r\n\r\n", 400), ("GET / HTTP/2\r\n\r\n", 505),
            ("GET / HTTP/1.1\r\n: x\r\n\r\n", 400), ("GET / HTTP/1.1\r\nabc\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
            ("GET / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 413), ("GET /\u{0} HTTP/1.1\r\n\r\n", 400),
            ("GET /\u{e9} HTTP/1.1\r\n\r\n", 400),
            ("GET /" + String(repeating: "a", count: 9_000), 431),
            ("GET /" + String(repeating: "a", count: 9_000) + " HTTP/1.1\r\n\r\n", 431),
        ])
    func refusals(_ text: String, _ status: Int) {
        #expect(Self.parse(text) == .malformed(status))
    }

    @Test(
        "addresses",
        arguments: [
            ("localhost:9883", BindAddress(host: "localhost", port: 9883)),
            ("[::1]:0", BindAddress(host: "::1", port: 0)), ("*:80", BindAddress(host: "*", port: 80)),
            ("::1:80", nil), ("localhost", nil), (":80", nil), ("a b:80", nil), ("h:70000", nil), ("http://h:80", nil),
        ] as [(String, BindAddress?)])
    func addresses(_ text: String, _ address: BindAddress?) {
        #expect(BindAddress(text) == address)
    }

    @Test("a loopback port is not reached under a name of the internet")
    func hosts() {
        let local = BindAddress(host: "localhost", port: 1)
        for good in ["", "localhost", "localhost:1", "127.0.0.1:1", "[::1]:1"] { #expect(local.accepts(host: good)) }
        for bad in ["evil.example", "localhost.evil.example:1", "127.0.0.1.evil.example:80", "[::2]:1"] {
            #expect(!local.accepts(host: bad))
        }
        #expect(BindAddress(host: "10.0.0.5", port: 1).accepts(host: "metrics.example"))
    }
}
