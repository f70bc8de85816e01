import Configuration
import Glibc
import PluginABI
import PluginSDK
import PositionedYAML
import Testing

@testable import Host

/// The Swift face of the interface, end to end: a plugin that is linked in, in a broker with real event loops.
@Suite struct SwiftPluginTests {
    private func entry(_ config: String = "{}") throws -> PluginEntry {
        var entry = PluginEntry(
            id: "swift", plugin: "builtin:swift", position: SourcePosition(file: "plugins.yaml", line: 3, column: 5))
        entry.config = try YAMLParser.parse(Array(config.utf8), file: "plugins.yaml")
        return entry
    }

    private func started(_ loops: Int) throws -> LivePlugins {
        let live = try LivePlugins(loops: loops, builtins: ["swift": swiftEntry])
        try live.apply([try entry()])
        return live
    }

    /// Asks through a client; the lines the plugin answers with.
    private func ask(
        _ live: LivePlugins, _ client: WireClient, _ question: String, _ event: String, count: Int = 1
    ) -> [String] {
        client.publish("ask", question)
        return live.messages(event, count: count).sorted()
    }

    @Test("Hooks run on the object of their own event loop", arguments: [1, 2])
    func shards(loops: Int) throws {
        let live = try started(loops)
        let client = try live.client("dev-1")
        let line = try #require(ask(live, client, "shard", "swift.shard").first)
        #expect(line == "part of its own loop, \(loops) in all")
        try live.apply([])
        #expect(live.messages("swift.shard_stopped", count: loops).count == loops)
    }

    @Test("Sessions and subscriptions are asked for, and changed", arguments: [1, 2])
    func sessions(loops: Int) throws {
        let live = try started(loops)
        let client = try live.client("dev-1")
        client.subscribe("every/+", qos: 1)
        #expect(client.packet()?.first == 0x90)
        let other = try live.client("dev-2")
        other.subscribe("$share/g/every/thing")
        #expect(other.packet()?.first == 0x90)
        #expect(ask(live, client, "session", "swift.session", count: 2) == ["dev-1 online 1 tcp", "nobody"])
        #expect(ask(live, client, "sessions", "swift.page", count: 1) == ["dev-1 dev-2"])
        #expect(
            ask(live, client, "subscriptions", "swift.subscription", count: 4) == [
                "all dev-1 every/+  1", "all dev-2 every/thing g 0", "matching dev-1 every/+  1",
                "matching dev-2 every/thing g 0",
            ])
        #expect(ask(live, client, "identity", "swift.identity") == ["true ann acme"])
        #expect(ask(live, client, "end", "swift.ended") == ["true"])
        #expect(other.packet() == nil, "the session of dev-2 was ended")
        client.publish("ask", "disconnect")
        #expect(client.packet() == nil)
    }

    @Test("Retained messages are read and cleared")
    func retained() throws {
        let live = try started(2)
        let client = try live.client("dev-1")
        client.subscribe("kept/#")
        #expect(client.packet()?.first == 0x90)
        client.publish("ask", "keep")
        #expect(client.packet()?.first == 0x30)
        #expect(ask(live, client, "retained", "swift.retained", count: 2) == ["1 of 1", "kept/one"])
        client.publish("ask", "clear")
        #expect(client.packet()?.first == 0x30)
    }

    @Test("Metrics are collected, spans exported with their parents")
    func observation() throws {
        let live = try started(1)
        let client = try live.client("dev-1")
        #expect(
            ask(live, client, "metrics", "swift.samples", count: 2) == [
                "hookline_plugin_asked_total 3.0 label=x", "hookline_plugin_took_seconds 0.5 1 observation, 11 bounds",
            ])
        #expect(
            ask(live, client, "trace", "swift.span", count: 2) == [
                "inner ab true key=value", "outer ab false ",
            ])
        #expect(live.messages("swift.traceparent") == ["00-ab000000000000000000000000000001 then nothing"])
    }

    @Test("A server finds routes, dispatches to them and says where it is; an operator's questions are answered")
    func server() throws {
        let live = try started(1)
        let client = try live.client("dev-1")
        #expect(live.host.statuses.first?.addresses.map(\.url) == ["http://127.0.0.1:1"])
        #expect(
            ask(live, client, "serve", "swift.served", count: 3) == [
                "201 text/plain x-seen=PUT body of ann", "413 text/plain  the body is larger than 16 bytes\n",
                "other methods, not found, 16 bytes",
            ])
        #expect(
            ask(live, client, "administration", "swift.administration", count: 4) == [
                #"done {"command":"plugins"}"#, #"done {"state":"ready"}"#, "false", "refused not here",
            ])
    }

    @Test("A plugin opens a connection of its own, which the broker holds to MQTT")
    func connection() throws {
        let live = try started(2)
        #expect(ask(live, try live.client("dev-1"), "connect", "swift.connected") == ["true 2 true"])
    }

    @Test("A publisher is told how many received its message; what is kept outlives its call", arguments: [1, 2])
    func reports(loops: Int) throws {
        let live = try started(loops)
        let client = try live.client("dev-1")
        #expect(
            ask(live, client, "report", "swift.report", count: 2) == [
                "not a topic false", "routed(matched: false) true 0",
            ])
        client.subscribe("kept/#", qos: 1)
        #expect(client.packet()?.first == 0x90)
        #expect(
            ask(live, client, "report", "swift.report", count: 4) == [
                "not a topic false", "not a topic false", "routed(matched: false) true 0",
                "routed(matched: true) true 1",
            ])
        #expect(client.packet()?.first == 0x32)
        #expect(ask(live, client, "hold", "swift.held") == ["ask hold dev-1 not traced"])
    }

    @Test("A service of another plugin is taken into use for a piece of work")
    func acquire() throws {
        let live = try started(1)
        let client = try live.client("dev-1")
        #expect(ask(live, client, "acquire", "swift.acquired") == ["nobody"])
        let provider = PluginEntry(
            id: "provider", path: try PluginFixture.build("provider"),
            position: SourcePosition(file: "plugins.yaml", line: 4, column: 5))
        try live.apply([try entry(), provider])
        #expect(ask(live, client, "acquire", "swift.acquired", count: 2) == ["42", "nobody"])
    }

    @Test("An interest is narrowed and ended while the plugin runs; state goes to the next generation")
    func changes() throws {
        let live = try started(1)
        let client = try live.client("dev-1")
        #expect(ask(live, client, "narrow", "swift.narrowed") == ["true true false"])
        try live.apply([try entry()], renewing: ["swift"])
        #expect(live.messages("swift.state", count: 2) == ["bulk 7 bulk", "delta 7 delta"])
    }
}

/// As a plugin's entry target has it.
private let swiftExport = PluginExport(SwiftEverything.self) { SwiftEverything.start($0, $1, $2) }
private let swiftEntry: hl_plugin_entry_fn = { swiftExport.description(for: $0) }

/// Uses what the SDK has beyond what the plugins of the broker use.
private final class SwiftEverything: Plugin, @unchecked Sendable {
    // Sendable: what changes is behind a lock.
    private let narrowed = Monitor<HookRegistration?>(nil)

    override class var description: PluginSDK.PluginDescription {
        var description = PluginSDK.PluginDescription(id: "test.swift", version: "1", hooks: [.messageIn])
        description.hasStatePerLoop = true
        description.handsOverState = true
        description.optionalServices = ["http_server/1", "administration/1", "connection/1"]
        return description
    }

    override func start() throws(PluginFailure) {
        try host.register(.messageIn, Interest(filters: ["ask"]))
        let events = try host.register(.notifyPublished, Interest(filters: ["nothing"]))
        narrowed.withLock { $0 = events }
        host.route(["PUT"], "/swift", maximumBody: 16) { request in
            var response = HTTPResponse(status: 201, contentType: "text/plain")
            response.headers = [(name: "x-seen", value: request.method)]
            response.body = request.body + Array(" of \(request.identity)".utf8)
            return response
        }
        host.announce("api", "http://127.0.0.1:1")
        host.offerState(schema: 7) { writer in
            let text = Array((writer.isBulk ? "bulk" : "delta").utf8)
            return writer.write(text.span)
        }
        host.acceptState { [host] reader in
            let chunk = reader.next().map { String(decoding: $0, as: UTF8.self) } ?? "nothing"
            host.log(.info, "swift.state", "\(reader.isBulk ? "bulk" : "delta") \(reader.schema) \(chunk)")
            return .taken
        }
    }

    override func startShard(_ shard: Int) throws(PluginFailure) -> Plugin { Part(self, shard) }
    override func stopShard(_ shard: Int, _ plugin: Plugin) { host.log(.info, "swift.shard_stopped", "\(shard)") }

    /// What one event loop has.
    private final class Part: Plugin {
        private let whole: SwiftEverything
        private let shard: Int

        init(_ whole: SwiftEverything, _ shard: Int) {
            self.whole = whole
            self.shard = shard
            super.init(host: whole.host)
        }

        required init(host: PluginSDK.PluginHost, configuration: PluginSDK.Configuration) throws(PluginFailure) {
            throw .failed("made by startShard")
        }

        override func messageIn(_ call: borrowing MessageCall) -> MessageVerdict {
            let question = String(decoding: call.message.payload)
            if question == "shard" {
                let words = call.shard == shard ? "part of its own loop" : "part of another loop"
                host.log(.info, "swift.shard", "\(words), \(host.shardCount) in all")
            }
            if question == "hold", let kept = host.keep(call.message) {
                let host = self.host
                host.submit {
                    let words = kept.withMessage { message in
                        let who = message.hasPublisher ? String(decoding: message.publisher.id) : "nobody"
                        return "\(String(decoding: message.topic)) \(String(decoding: message.payload)) \(who) "
                            + (message.trace == nil ? "not traced" : "traced")
                    }
                    host.log(.info, "swift.held", words)
                }
            }
            let connection = call.message.hasPublisher ? call.message.publisher.connection : 0
            whole.answer(question, connection: connection)
            return .pass
        }
    }

    private func answer(_ question: String, connection: UInt64) {
        switch question {
        case "session", "sessions", "subscriptions": askSessions(question)
        case "identity": changeIdentity(of: connection)
        case "end":
            host.endSession(of: "dev-2", .administrativeAction) { [host] in host.log(.info, "swift.ended", "\($0)") }
        case "disconnect": host.disconnect(clientID: "dev-1", .administrativeAction)
        case "keep": host.publish("kept/one", "x", retain: true)
        case "clear": host.clearRetained("kept/one")
        case "retained": askRetained()
        case "metrics": askMetrics()
        case "trace": trace()
        case "serve": serve()
        case "administration": askAdministration()
        case "narrow": narrow()
        case "connect": host.submit { self.connect() }
        case "report": report()
        case "acquire": host.submit { self.acquire() }
        default: break
        }
    }

    private func report() {
        let host = host
        let properties = PropertyList(isText: true, contentType: "text/plain", user: [(name: "a", value: "b")])
        _ = host.publish("kept/counted", Array("x".utf8), qos: 1, properties: properties) {
            (report: PluginSDK.PluginHost.PublishReport) in
            host.log(.info, "swift.report", "\(report.outcome) \(report.messageID != 0) \(report.sent)")
        }
        let isTaken = host.publish("not/+", []) { (_: PluginSDK.PluginHost.PublishReport) in }
        host.log(.info, "swift.report", "not a topic \(isTaken)")
    }

    private func acquire() {
        typealias Answer = @convention(c) (UnsafeMutableRawPointer?, CInt) -> CInt
        let answer = host.acquire("org.example.answer/1") { table, state in
            table.load(as: Answer.self)(state, 6)
        }
        host.log(.info, "swift.acquired", answer.map { "\($0)" } ?? "nobody")
    }

    private func askSessions(_ question: String) {
        let host = host
        let told: @Sendable (SessionInfo?) -> Void = { info in
            guard let info else { return host.log(.info, "swift.session", "nobody") }
            let connection = info.connection.map { "online \(info.subscriptions) \($0.listener)" } ?? "offline"
            host.log(.info, "swift.session", "\(info.clientID) \(connection)")
        }
        switch question {
        case "session":
            host.session(of: "dev-1", told)
            host.session(of: "nobody", told)
        case "sessions": SwiftEverything.collect(host, from: 0, [])
        default:
            for (name, topic) in [("all", nil), ("matching", "every/thing")] as [(String, String?)] {
                SwiftEverything.collect(host, name, topic, from: 0)
            }
        }
    }

    /// Walks through the pages, one session each.
    private static func collect(_ host: PluginSDK.PluginHost, from cursor: UInt64, _ known: [String]) {
        host.sessions(from: cursor, limit: 1) { page in
            let known = known + page.elements.map(\.clientID)
            guard let next = page.next else {
                return host.log(.info, "swift.page", known.sorted().joined(separator: " "))
            }
            collect(host, from: next, known)
        }
    }

    private static func collect(_ host: PluginSDK.PluginHost, _ name: String, _ topic: String?, from cursor: UInt64) {
        host.subscriptions(matching: topic, from: cursor, limit: 1) { page in
            for element in page.elements {
                host.log(
                    .info, "swift.subscription",
                    "\(name) \(element.clientID) \(element.filter) \(element.shareGroup) \(element.qos)")
            }
            if let next = page.next { collect(host, name, topic, from: next) }
        }
    }

    private func changeIdentity(of connection: UInt64) {
        let host = host
        host.setIdentity(of: connection, userName: "ann", account: "acme") { changed in
            host.session(of: "dev-1") { info in
                let who = info?.connection.map { "\($0.userName) \($0.account)" } ?? "nobody"
                host.log(.info, "swift.identity", "\(changed) \(who)")
            }
        }
    }

    private func askRetained() {
        let host = host
        host.retained(matching: "kept/#") { message in
            host.log(.info, "swift.retained", String(decoding: message.topic))
        } done: { count in
            host.log(.info, "swift.retained", "\(count) of \(host.retainedUsage.messages)")
        }
    }

    private func askMetrics() {
        let host = host
        host.metric(.counter, "asked_total", help: "Questions.", labels: ["label"])?.series("x")?.add(3)
        host.metric(.histogram, "took_seconds", help: "Time.")?.series()?.observe(0.5)
        host.collectMetrics { samples in
            for sample in samples
            where sample.labels.contains(where: { $0.name == "instance" && $0.value == "swift" }) {
                let label = sample.labels.last.map { "\($0.name)=\($0.value)" } ?? ""
                let tail = sample.buckets.map { "\($0.count) observation, \($0.bounds.count) bounds" } ?? label
                host.log(.info, "swift.samples", "\(sample.name) \(sample.value) \(tail)")
            }
        }
    }

    private func trace() {
        let host = host
        host.exportSpans { spans, _ in
            for span in spans {
                let attributes = span.attributes.map { "\($0.name)=\($0.value)" }.joined(separator: " ")
                let trace = String(span.trace[0], radix: 16)
                host.log(.info, "swift.span", "\(span.name) \(trace) \(span.isOK) \(attributes)")
            }
        }
        let outer = host.beginSpan(
            "outer", traceparent: "00-ab000000000000000000000000000001-cd00000000000001-01")
        let inner = host.beginSpan("inner", in: outer)
        host.setAttribute("key", "value", of: inner)
        let text = host.traceparent(of: outer).map { String($0.prefix(35)) } ?? "nothing"
        host.end(inner)
        host.end(outer, isOK: false)
        host.log(.info, "swift.traceparent", "\(text) then \(host.traceparent(of: outer) ?? "nothing")")
    }

    private func serve() {
        let host = host
        var words = [host.findRoute("GET", "/swift"), host.findRoute("GET", "/other")].map { match in
            switch match {
            case .otherMethods: "other methods"
            case .notFound: "not found"
            case .route: "a route"
            }
        }
        if case .route(let rules) = host.findRoute("PUT", "/swift/1") { words.append("\(rules.maximumBody) bytes") }
        host.log(.info, "swift.served", words.joined(separator: ", "))
        for body in ["body", "a body that is much too long"] {
            let request = HTTPRequest(method: "PUT", path: "/swift/1", identity: "ann", body: Array(body.utf8))
            _ = host.dispatch(request) { response in
                let headers = response.headers.map { "\($0.name)=\($0.value)" }.joined()
                let text = String(decoding: response.body, as: UTF8.self)
                host.log(.info, "swift.served", "\(response.status) \(response.contentType) \(headers) \(text)")
            }
        }
    }

    private func askAdministration() {
        let host = host
        let told: @Sendable (PluginSDK.AdministrationAnswer) -> Void = { answer in
            switch answer {
            case .done(let text): host.log(.info, "swift.administration", "done \(text)")
            case .failed(_, let words): host.log(.info, "swift.administration", "refused \(words)")
            }
        }
        host.status(told)
        host.reload(nil, told)
        host.command("plugins", nil, told)
        host.log(.info, "swift.administration", "\(host.command("no such command", nil, told))")
    }

    /// A connection is there when the broker answers on it; a wrong first packet ends it.
    private func connect() {
        let none = host.openConnection(listener: "nowhere", address: "somebody") == nil
        guard let descriptor = host.openConnection(address: "somebody") else { return }
        let ping: [UInt8] = [0xC0, 0]
        let written = write(descriptor, ping, ping.count)
        var ready = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        var byte: UInt8 = 0
        let isEnded = poll(&ready, 1, 5000) == 1 && read(descriptor, &byte, 1) == 0
        close(descriptor)
        host.log(.info, "swift.connected", "\(none) \(written) \(isEnded)")
    }

    private func narrow() {
        guard let registration = narrowed.read({ $0 }) else { return }
        let results = [
            host.update(registration, Interest(filters: ["nothing/at/all"])), host.update(registration, nil),
            host.update(registration, nil),
        ]
        host.log(.info, "swift.narrowed", results.map { "\($0)" }.joined(separator: " "))
    }
}
