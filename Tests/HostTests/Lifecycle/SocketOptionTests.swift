import Configuration
import Glibc
import Testing

@testable import Host
@testable import Reactor

/// Whether `broker.tcp` reaches the sockets of clients: what the kernel says of an accepted connection.
@Suite("Options of sockets")
struct SocketOptionTests {
    /// One connection through a listener with these settings; its options as accepted sockets inherit them.
    private func accepted(_ settings: String) throws -> (option: (Int32, Int32) -> Int32, close: () -> Void) {
        let text = "broker:\n  tcp: { \(settings) }\n  listeners: { tcp: { url: \"mqtt://127.0.0.1:0\" } }\n"
        let broker = try ServerConfiguration.load(text: text, file: "plugins.yaml").configuration
        let bound = try ListenerOpening.open(broker.listeners, layers: [:], tcp: broker.broker.tcp)
        let listener = try #require(bound.first?.sockets.first)
        let client = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        let connected = UnsafeSocketAddress.withKernelForm(of: listener.address) { connect(client, $0, $1) }
        #expect(connected == 0)
        var waiting = pollfd(fd: listener.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&waiting, 1, 10_000) == 1)
        let server = accept(listener.descriptor, nil, nil)
        #expect(server >= 0)
        return (
            { level, name in
                var (value, length) = (Int32(-1), socklen_t(MemoryLayout<Int32>.size))
                getsockopt(server, level, name, &value, &length)
                return value
            },
            {
                close(server)
                close(client)
            }
        )
    }

    @Test("TCP_NODELAY is what no_delay says", arguments: [true, false])
    func noDelay(isOn: Bool) throws {
        let connection = try accepted("no_delay: \(isOn)")
        defer { connection.close() }
        #expect((connection.option(Int32(IPPROTO_TCP), TCP_NODELAY) != 0) == isOn)
    }

    @Test("Probes begin after keep_alive and end within once more that time; 0s sends none")
    func keepAlive() throws {
        let probed = try accepted("keep_alive: 40s")
        defer { probed.close() }
        let tcp = Int32(IPPROTO_TCP)
        #expect(probed.option(SOL_SOCKET, SO_KEEPALIVE) == 1)
        #expect(probed.option(tcp, TCP_KEEPIDLE) == 40)
        #expect(probed.option(tcp, TCP_KEEPINTVL) * probed.option(tcp, TCP_KEEPCNT) == 40)
        let silent = try accepted("keep_alive: 0s")
        defer { silent.close() }
        #expect(silent.option(SOL_SOCKET, SO_KEEPALIVE) == 0)
    }

    @Test("TCP_USER_TIMEOUT is user_timeout in milliseconds; 0s leaves the system's")
    func userTimeout() throws {
        let bounded = try accepted("user_timeout: 15s")
        defer { bounded.close() }
        #expect(bounded.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 15_000)
        let free = try accepted("user_timeout: 0s")
        defer { free.close() }
        #expect(free.option(Int32(IPPROTO_TCP), TCP_USER_TIMEOUT) == 0)
    }
}
