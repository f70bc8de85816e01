import Configuration
import Testing

@testable import Host

/// 2026-01-02 10:02:11.482 UTC, in nanoseconds since 1970.
private let moment: Int64 = 1_767_348_131_482_000_000

@Suite("Lines of the log")
struct LogFormatterTests {
    private func text(_ line: LogLine, _ format: LogFormat = .text, journal: Bool = true) -> String {
        var text = LogText()
        LogFormatter(format: format, underJournal: journal).append(line, to: &text)
        return String(decoding: text.bytes, as: UTF8.self)
    }

    private func line(_ event: LogEvent, _ level: LogLevel, _ fields: [LogField], repeats: Int = 0) -> LogLine {
        LogLine(time: moment, level: level, event: event, fields: fields, repeats: repeats)
    }

    @Test("The documented lines come out letter by letter")
    func documentedLines() {
        let ready = line(
            .brokerReady, .info,
            [
                .init("took", .duration(212_000_000)), .init("listeners", 4), .init("plugins", 5),
                .init("config", "/etc/hookline/plugins.yaml"), .init("sessions", 1204),
            ])
        #expect(
            text(ready) == "<6>INFO  broker.ready          took=212ms listeners=4 plugins=5"
                + " config=/etc/hookline/plugins.yaml sessions=1204\n")
        let denied = line(
            .publishDenied, .warn,
            [
                .init("client", .bytes(Array("dev-17".utf8))), .init("topic", .bytes(Array("cmd/dev-17/open".utf8))),
                .init("qos", 1), .init("rule", "acl.yaml:9"), .init("answer", .code(0x87)),
            ], repeats: 41)
        #expect(
            text(denied) == "<4>WARN  authz.publish_denied  client=dev-17 topic=cmd/dev-17/open qos=1 rule=acl.yaml:9"
                + " answer=0x87 repeats=41/10s\n")
        let refused = line(
            .pluginReloadRefused, .error,
            [.init("kept", true), .init("reason", "entry hl_plugin_entry_v1 not found")])
        #expect(
            text(refused)
                == "<3>ERROR plugin.reload_refused kept=true reason=\"entry hl_plugin_entry_v1 not found\"\n")
    }

    @Test("JSON has the same keys, UTC time, and numbers as numbers")
    func json() {
        let gone = line(
            .clientDisconnected, .info,
            [
                .init("client", .bytes(Array("dev-17".utf8))), .init("reason", "keepalive_timeout"),
                .init("code", .code(0x8D)), .init("queued", 3), .init("online", .duration(46_900_000_000)),
            ], repeats: 2)
        #expect(
            text(gone, .json, journal: false)
                == #"{"time":"2026-01-02T10:02:11.482Z","level":"info","event":"client.disconnected","#
                + #""client":"dev-17","reason":"keepalive_timeout","code":141,"queued":3,"online":"46s","repeats":2}"#
                + "\n")
    }

    @Test("Without a journal a text line starts with the time of day")
    func timeOfDay() {
        let started = text(line(.brokerDraining, .info, []), journal: false)
        #expect(started.hasSuffix(".482 INFO  broker.draining\n"))
        #expect(started.utf8.count == "10:02:11.482 INFO  broker.draining\n".utf8.count)
    }

    @Test(
        "Nothing from outside can break a line or move a terminal",
        arguments: [
            ("plain-id_1.2/x", "plain-id_1.2/x"),
            ("", #""""#),
            ("two words", #""two words""#),
            ("a=b", #""a=b""#),
            (#"say "hi" \o/"#, #""say \"hi\" \\o/""#),
            ("x\nERROR broker.failed", #""x\nERROR broker.failed""#),
            ("\r\t", #""\r\t""#),
            ("\u{1B}[2J", #""\u{1b}[2J""#),
            ("\u{202E}evil", #""\u{202e}evil""#),
            ("\u{85}\u{2028}", #""\u{85}\u{2028}""#),
            ("grün", #""grün""#),
        ])
    func escaping(value: String, shown: String) {
        #expect(
            text(line(.clientConnected, .info, [.init("client", .bytes(Array(value.utf8)))]))
                == "<6>INFO  client.connected      client=\(shown)\n")
    }

    @Test("JSON escapes are those of RFC 8259")
    func jsonEscapes() {
        let value = "\u{1}\n\u{202E}\u{E0001}\"\\"
        #expect(
            text(line(.clientConnected, .info, [.init("client", value)]), .json)
                == #"{"level":"info","event":"client.connected","client":"\u0001\n\u202e\udb40\udc01\"\\"}"# + "\n")
    }

    @Test("Bytes that are no UTF-8 become U+FFFD in both formats")
    func invalidUTF8() {
        let bytes = line(.clientConnected, .info, [.init("client", .bytes([0x61, 0xFF, 0xC0, 0x62]))])
        #expect(text(bytes).contains("client=\"a\u{FFFD}\u{FFFD}b\""))
        #expect(text(bytes, .json).contains("\"client\":\"a\u{FFFD}\u{FFFD}b\""))
    }

    @Test("A long value is cut and says how much is missing")
    func longValue() {
        let value = [UInt8](repeating: UInt8(ascii: "a"), count: LogText.maximumValueBytes + 7)
        #expect(text(line(.clientConnected, .info, [.init("client", .bytes(value))])).hasSuffix("a...(+7 bytes)\"\n"))
    }

    @Test(
        "Durations are milliseconds below ten seconds, else whole seconds",
        arguments: [(0, "0ms"), (9_999_999_999, "9999ms"), (10_000_000_000, "10s"), (90_061_000_000_000, "90061s")])
    func durations(nanoseconds: Int, shown: String) {
        #expect(LogFormatter.duration(Int64(nanoseconds)) == shown)
    }
}
