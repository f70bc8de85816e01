import PluginABI
import PluginSDK
import PluginTesting
import Testing

@testable import AuthPlugin

/// What the settings of web services and databases may be.
@Suite struct RemoteSettingsTests {
    private static let export = PluginExport(AuthPlugin.self) { AuthPlugin.start($0, $1, $2) }

    private static func refusals(_ source: FakeSetting) -> [String]? {
        let host = FakeHost(settings: ["sources": .list([source])])
        return host.start(export) == HL_OK ? nil : host.refusals
    }

    @Test(arguments: [
        "https://id.example/login", "http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:80",
        "http://localhost",
    ])
    func secretsMayTravelBy(url: String) {
        #expect(Self.refusals(["http": ["url": .scalar(url)]]) == nil)
        #expect(Self.refusals(["jwt": ["jwks_url": .scalar(url)]]) == nil)
    }

    @Test(arguments: [
        "http://id.example/", "http://127.0.0.1.example/", "http://localhost:x@id.example/",
        "http://127.0.0.1@id.example/",
        "http://localhost:80\\@id.example/", "ftp://127.0.0.1/", "file:///etc/passwd", "https://", "",
        "HTTP://127.0.0.1/",
        "https://id.example/ x", "https://id.example/\r\nHost: other",
    ])
    func secretsMayNotTravelBy(url: String) {
        #expect(Self.refusals(["http": ["url": .scalar(url)]])?.count == 1)
        #expect(Self.refusals(["jwt": ["jwks_url": .scalar(url)]])?.isEmpty == false)
    }

    @Test(arguments: [
        ("host=/run/postgresql dbname=mqtt", false), ("dbname=mqtt", false), ("host=localhost", false),
        ("host=db.example sslmode=verify-full", false), ("host=db.example sslmode=disable", false),
        ("host=db.example dbname=mqtt", true), ("host='10.0.0.7' dbname=mqtt", true), ("hostaddr=10.0.0.7", true),
        ("host=localhost hostaddr=10.0.0.7", true),
    ])
    func databaseOnAnotherMachineSaysHowItIsProtected(settings: String, isRefused: Bool) {
        let refusals = Self.refusals(["postgres": ["connection": .scalar(settings), "query": "SELECT 1"]])
        #expect((refusals != nil) == isRefused)
        if isRefused { #expect(refusals?.first?.contains("sslmode=verify-full") == true) }
    }

    @Test(arguments: [
        ("https://id.example/keys.json", "https://id.example/keys.json"),
        ("https://user:secret@id.example/keys?token=secret", "https://id.example/keys"),
        ("https://id.example", "https://id.example/"), ("https://id.example/#secret", "https://id.example/"),
    ])
    func logShowsNoSecretOfAURL(url: String, shown: String) {
        #expect(RemoteKeys.Settings(url: url, authority: nil).shownURL == shown)
    }

    @Test func numbersHaveBounds() {
        #expect(Self.refusals(["http": ["url": "https://a/", "max_concurrent": "0"]]) == ["from 1 to 1000"])
        #expect(Self.refusals(["http": ["url": "https://a/", "max_concurrent": "1001"]]) == ["from 1 to 1000"])
        #expect(Self.refusals(["http": ["url": "https://a/", "cache": "2h"]]) == ["a duration, from 0s to 1h"])
        #expect(Self.refusals(["postgres": ["query": "x", "max_connections": "65"]]) == ["from 1 to 64"])
        let host = FakeHost(settings: ["sources": [["http": ["url": "https://a/"]]], "hashing_threads": "65"])
        #expect(host.start(Self.export) == HL_REFUSED && host.refusals == ["from 1 to 64"])
    }

    @Test(arguments: [
        (204, "", SourceAnswer.accepted(Identity())),
        (200, #"{"result":"allow"}"#, .accepted(Identity())),
        (
            200, #"{"result":"allow","username":"a","groups":["g",1,"h"],"account":"x"}"#,
            .accepted(Identity(user: "a", groups: ["g", "h"], account: "x"))
        ),
        (200, #"{"result":"allow","groups":["a\nb","ok"]}"#, .accepted(Identity(groups: ["ok"]))),
        (200, #"{"result":"deny"}"#, .refused("refused by the log-in service")),
        (401, "", .refused("refused by the log-in service")), (403, "", .refused("refused by the log-in service")),
        (200, #"{"result":"ignore"}"#, .unknown), (404, "", .unknown),
        (200, "", .failed("the log-in service does not answer with JSON")),
        (200, "allow", .failed("the log-in service does not answer with JSON")),
        (200, #"{"result":true}"#, .failed("the log-in service's 'result' is none of allow, deny and ignore")),
        (
            200, #"{"result":"allow","username":"a\nb"}"#,
            .failed("the log-in service answers with a name that nobody can have")
        ),
        (301, "", .failed("the log-in service answers with status 301")),
        (500, #"{"result":"allow"}"#, .failed("the log-in service answers with status 500")),
        (0, "", .failed("the log-in service answers with status 0")),
    ])
    func onlyClearWordsLetSomebodyIn(status: Int, body: String, verdict: SourceAnswer) {
        #expect(HTTPSource.verdict(HTTPClient.Answer(status: status, body: Array(body.utf8))) == verdict)
    }
}
