import Configuration
import Foundation
import PositionedYAML
import Testing

@testable import Host

/// provide/1: two C plugins, of which one offers a service to the other, through generations of both.
@Suite struct ProvideTests {
    private func entry(_ name: String, id: String? = nil) throws -> PluginEntry {
        PluginEntry(
            id: id ?? name, path: try PluginFixture.build(name),
            position: SourcePosition(file: "plugins.yaml", line: 3, column: 5))
    }

    private func started() throws -> (live: LivePlugins, client: WireClient) {
        let live = try LivePlugins(loops: 1)
        try live.apply([try entry("provider"), try entry("borrower")])
        return (live, try live.client("asker"))
    }

    private func answers(_ live: LivePlugins, _ client: WireClient, _ question: String, count: Int) -> String? {
        client.publish("ask", question)
        return live.messages("test.answer", count: count).last
    }

    @Test("A service is found in the newest generation of its provider, and gone with the provider")
    func generations() throws {
        let (live, client) = try started()
        #expect(answers(live, client, "acquire", count: 1) == "42")
        #expect(answers(live, client, "release", count: 2) == "nobody")
        try live.apply([try entry("provider"), try entry("borrower")], renewing: ["provider"])
        #expect(answers(live, client, "acquire", count: 3) == "84")
        #expect(answers(live, client, "release", count: 4) == "nobody")
        try live.apply([try entry("borrower")])
        #expect(answers(live, client, "acquire", count: 5) == "nobody")
    }

    @Test("While somebody holds a service, the generation behind it is not stopped")
    func held() throws {
        let (live, client) = try started()
        #expect(answers(live, client, "acquire", count: 1) == "42")
        let entries = [try entry("provider"), try entry("borrower")]
        let change = Thread { _ = try? live.apply(entries, renewing: ["provider"]) }
        change.start()
        #expect(live.messages("plugin.started", count: 3).count == 3, "the next generation serves")
        #expect(answers(live, client, "answer", count: 2) == "42", "the old one still answers")
        #expect(live.messagesNow("test.provider_stopped").isEmpty)
        #expect(answers(live, client, "release", count: 3) == "nobody")
        #expect(live.messages("test.provider_stopped").count == 1)
        #expect(live.messages("plugin.stopped").count == 1)
    }

    @Test("What a plugin holds when it has stopped is given back: its provider does not wait")
    func forgotten() throws {
        let (live, client) = try started()
        #expect(answers(live, client, "acquire", count: 1) == "42")
        try live.apply([try entry("provider")])
        #expect(live.messages("plugin.leak") == ["left behind after stop: 1 services of others it never gave back"])
        try live.apply([])
        #expect(live.messages("test.provider_stopped").count == 1)
        #expect(live.messagesNow("plugin.stuck").isEmpty)
    }

    @Test("A name is offered by one instance only; the second one is refused, and the first goes on")
    func conflict() throws {
        let (live, client) = try started()
        let error = #expect(throws: ConfigurationErrors.self) {
            try live.apply([try entry("provider"), try entry("borrower"), try entry("provider", id: "other")])
        }
        #expect(error?.description.contains("somebody else offers") == true, "\(error.map(\.description) ?? "")")
        #expect(answers(live, client, "acquire", count: 1) == "42")
    }
}
