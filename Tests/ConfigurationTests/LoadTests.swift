import Configuration
import Testing

@Suite struct LoadTests {
    @Test func nothingGivenMeansOneAnonymousListenerOnLoopback() throws {
        let loaded = try ServerConfiguration.load(text: "", file: "plugins.yaml")
        let listener = try #require(loaded.configuration.listeners.first)
        #expect(loaded.configuration.listeners.count == 1)
        #expect(listener.name == "tcp")
        #expect(listener.url.description == "mqtt://localhost:1883")
        #expect(listener.url.addresses == ["127.0.0.1", "::1"])
        #expect(listener.allowsAnonymous)
        #expect(loaded.configuration.broker == BrokerConfiguration())
        #expect(loaded.configuration.plugins.isEmpty)
    }
}
