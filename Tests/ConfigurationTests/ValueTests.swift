import Configuration
import Testing

@Suite struct ValueTests {
    @Test(arguments: [
        ("0", 0, "0B"), ("1", 1, "1B"), ("1024", 1024, "1KiB"), ("1B", 1, "1B"), ("256KiB", 262_144, "256KiB"),
        ("1MiB", 1 << 20, "1MiB"), ("3GiB", 3 << 30, "3GiB"), ("1536KiB", 1536 << 10, "1536KiB"),
    ]) func sizes(text: String, bytes: Int, canonical: String) throws {
        #expect(try ByteSize.parse(text) == bytes)
        #expect(ByteSize.text(bytes) == canonical)
        #expect(try ByteSize.parse(canonical) == bytes)
    }

    @Test(arguments: [
        ("256KB", "256KiB"), ("256 KiB", "256KiB"), ("256kib", "256KiB"), ("1m", "1MiB"), ("2 gb", "2GiB"),
        ("5 bytes", "5B"),
    ]) func almostSizesAreCorrected(text: String, suggestion: String) {
        #expect(throws: ValueProblem.notASize(text, suggestion: suggestion)) { try ByteSize.parse(text) }
    }

    @Test(arguments: ["", "KiB", "-1", "1.5MiB", "1e3", "0x10", "１", "1TiB", "99999999999999999999", "1KiBx"])
    func whatIsNoSize(text: String) {
        #expect(throws: ValueProblem.notASize(text, suggestion: nil)) { try ByteSize.parse(text) }
    }

    @Test func aSizeThatDoesNotFitIsRefused() {
        #expect(throws: ValueProblem.self) { try ByteSize.parse("9999999999999GiB") }
    }

    @Test(arguments: [
        ("0", Duration.zero, "0s"), ("0ms", .zero, "0s"), ("500ms", .milliseconds(500), "500ms"),
        ("10s", .seconds(10), "10s"), ("60s", .seconds(60), "1m"), ("90s", .seconds(90), "90s"),
        ("5m", .seconds(300), "5m"), ("24h", .seconds(86_400), "1d"), ("7d", .seconds(604_800), "7d"),
    ]) func durations(text: String, duration: Duration, canonical: String) throws {
        #expect(try DurationText.parse(text) == duration)
        #expect(DurationText.text(duration) == canonical)
    }

    @Test(arguments: [
        ("5 minutes", "5m"), ("30sec", "30s"), ("2 hours", "2h"), ("1w", "7d"), ("100 ms", "100ms"), ("3 Days", "3d"),
    ]) func almostDurationsAreCorrected(text: String, suggestion: String) {
        #expect(throws: ValueProblem.notADuration(text, suggestion: suggestion)) { try DurationText.parse(text) }
    }

    @Test(arguments: ["", "s", "-5s", "1.5h", "forever", "1h30m", "5us"])
    func whatIsNoDuration(text: String) {
        #expect(throws: ValueProblem.notADuration(text, suggestion: nil)) { try DurationText.parse(text) }
    }

    @Test(arguments: ["36501d", "9223372036854775807d"]) func aDurationThatNoClockHoldsIsRefused(text: String) {
        #expect(throws: ValueProblem.self) { try DurationText.parse(text) }
    }

    @Test(arguments: [
        ("100/s", Rate(count: 100, per: .seconds(1))), ("6/m", Rate(count: 6, per: .seconds(60))),
        ("1/h", Rate(count: 1, per: .seconds(3_600))), ("unlimited", nil),
    ]) func rates(text: String, rate: Rate?) throws {
        #expect(try Rate.parse(text) == rate)
        #expect(Rate.text(rate) == text)
    }

    @Test(arguments: ["", "/s", "s", "1/d", "-1/s", "1/ss", "none"]) func whatIsNoRate(text: String) {
        #expect(throws: ValueProblem.notARate(text, suggestion: nil)) { try Rate.parse(text) }
    }
}

@Suite struct ListenerURLTests {
    @Test(arguments: [
        ("mqtt://localhost:1883", "mqtt://localhost:1883", true), ("mqtt://localhost", "mqtt://localhost:1883", true),
        ("mqtt://127.0.0.1:0", "mqtt://127.0.0.1:0", true), ("mqtt://127.1.2.3:1", "mqtt://127.1.2.3:1", true),
        ("mqtt://[::1]:1883/", "mqtt://[::1]:1883", true), ("mqtt://[::]", "mqtt://[::]:1883", false),
        ("mqtts://10.0.0.5", "mqtts://10.0.0.5:8883", false), ("ws://0.0.0.0:8083", "ws://0.0.0.0:8083/mqtt", false),
        ("wss://LOCALHOST:8084/a/b", "wss://localhost:8084/a/b", true),
        ("unix:///run/x.sock", "unix:///run/x.sock", true), ("unix://x.sock", "unix://x.sock", true),
    ]) func whatIsAURL(text: String, canonical: String, isLocal: Bool) throws {
        let url = try ListenerURL.parse(text)
        #expect(url.description == canonical)
        #expect(url.isLocal == isLocal)
        #expect(try ListenerURL.parse(url.description) == url)
    }

    @Test(arguments: [
        ("localhost:1883", "it needs a scheme, such as mqtt://localhost:1883"),
        ("tcp://localhost", "the scheme for plain MQTT is mqtt://"),
        ("https://localhost", "the http plugin listens for HTTP; for MQTT over WebSocket write ws:// or wss://"),
        ("amqp://localhost", "schemes are mqtt://, mqtts://, ws://, wss:// and unix://"),
        ("mqtt://:1883", "write localhost, or 0.0.0.0 for every IPv4 interface, [::] for IPv6"),
        ("mqtt://*:1883", "write localhost, or 0.0.0.0 for every IPv4 interface, [::] for IPv6"),
        ("mqtt://broker.example.com", "'broker.example.com' is not an address; a broker binds addresses, or localhost"),
        ("mqtt://256.0.0.1", "'256.0.0.1' is not an address; a broker binds addresses, or localhost"),
        ("mqtt://127.evil.example:1", "'127.evil.example' is not an address; a broker binds addresses, or localhost"),
        ("mqtt://::1:1883", "write an IPv6 address in brackets: [::1]:1883"),
        ("mqtt://[::1", "']' is missing"),
        ("mqtt://[::1]1883", "brackets hold an IPv6 address, with ':port' behind them"),
        ("mqtt://[127.0.0.1]:1", "brackets hold an IPv6 address, with ':port' behind them"),
        ("mqtt://localhost:65536", "port '65536' is not a number from 0 to 65535"),
        ("mqtt://localhost:", "port '' is not a number from 0 to 65535"),
        ("mqtt://localhost:+1", "port '+1' is not a number from 0 to 65535"),
        ("mqtt://u:p@localhost", "a listener has no user or password"),
        ("mqtt://localhost/path", "only ws:// and wss:// have a path"),
        ("ws://localhost/a?b", "a path has no '?', '#' or blank"),
        ("unix://", "it needs the path of a socket file, such as unix:///run/hookline/mqtt.sock"),
        ("unix:///" + String(repeating: "x", count: 107), "a socket path has at most 107 bytes"),
    ]) func whatIsNoURL(text: String, reason: String) {
        #expect(throws: ValueProblem.notAURL(text, reason: reason)) { try ListenerURL.parse(text) }
    }

    @Test func localhostIsBothLoopbackAddresses() throws {
        #expect(try ListenerURL.parse("mqtt://localhost").addresses == ["127.0.0.1", "::1"])
        #expect(try ListenerURL.parse("mqtt://10.0.0.1").addresses == ["10.0.0.1"])
        #expect(try ListenerURL.parse("unix:///x").addresses == [])
    }
}
