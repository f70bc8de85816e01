import CSystem
import Glibc
import Testing

@testable import Reactor

/// A directory of its own for each test, removed at the end.
final class TemporaryDirectory {
    let path: String
    init() throws {
        var template = Array("/tmp/hookline-reactor-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw SystemError(code: errno, call: "mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
    deinit { removeTree(path) }

    private func removeTree(_ path: String) {
        if let directory = opendir(path) {
            while let entry = readdir(directory) {
                let name = withUnsafeBytes(of: entry.pointee.d_name) {
                    String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
                }
                if name == "." || name == ".." { continue }
                if unlink(path + "/" + name) != 0 { removeTree(path + "/" + name) }
            }
            closedir(directory)
        }
        rmdir(path)
    }
}

@Test func `an address in use is an error that names the address`() throws {
    let first = try ListenerSocket.listen(on: .tcp(host: "127.0.0.1", port: 0))[0]
    let port = first.address.port
    #expect(port != 0)
    let error = #expect(throws: ListenError.self) {
        try ListenerSocket.listen(on: .tcp(host: "127.0.0.1", port: port))
    }
    #expect(error == .addressInUse(address: "127.0.0.1:\(port)"))
    #expect("\(try #require(error))".hasPrefix("127.0.0.1:\(port) is in use by another program"))
}

@Test func `an address of another machine and an unknown host are told apart`() {
    #expect(throws: ListenError.addressNotAvailable(address: "198.51.100.1:0")) {
        try ListenerSocket.listen(on: .tcp(host: "198.51.100.1", port: 0))
    }
    let error = #expect(throws: ListenError.self) {
        try ListenerSocket.listen(on: .tcp(host: "not a host name", port: 0))
    }
    guard case .unknownHost(let host, _) = error else {
        return #expect(Bool(false), "got \(String(describing: error))")
    }
    #expect(host == "not a host name")
}

@Test func `localhost is both loopback addresses on one port`() throws {
    let sockets = try ListenerSocket.listen(on: .tcp(host: "localhost", port: 0))
    #expect(Set(sockets.map(\.address.port)).count == 1)
    #expect(sockets.allSatisfy { $0.address.isLoopback })
    #expect(sockets[0].address.host == "127.0.0.1")
    if sockets.count > 1 { #expect(sockets[1].address.description == "[::1]:\(sockets[1].address.port)") }
}

@Test func `addresses are written as people write them`() {
    #expect(SocketAddress.ipv4(0x0A00_0007, port: 51234).description == "10.0.0.7:51234")
    let address = SocketAddress.ipv6(high: 0x2001_0DB8_0000_0000, low: 1, scope: 0, port: 1883)
    #expect(address.description == "[2001:db8::1]:1883")
    #expect(SocketAddress.ipv6(high: 0xFE80_0000_0000_0000, low: 9, scope: 2, port: 1).host == "fe80::9%2")
    #expect(!address.isLoopback)
}

@Test func `a unix socket serves, knows its client and removes its file`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/mqtt.sock"
    let fixture = try LoopFixture()
    do {
        let listener = try ListenerSocket.listen(on: .unix(path: path, mode: 0o666))[0]
        #expect(listener.path == path)
        var information = stat()
        #expect(lstat(path, &information) == 0 && information.st_mode & 0o777 == 0o666)
        try fixture.loop.add(listener, tag: 8)
        let client = try ClientSocket(path: path)
        fixture.run { !fixture.handler.streams.isEmpty }
        #expect(fixture.handler.told == [.opened(listener: 8)])
        #expect(fixture.handler.peers == [.unix])
        let credentials = fixture.loop.credentials(of: fixture.handler.streams[0])
        #expect(credentials?.processID == getpid() && credentials?.userID == getuid())
        client.send(text: "hello")
        fixture.run { fixture.handler.receivedBytes == 5 }
        #expect(fixture.write(fixture.handler.streams[0], Array("world".utf8)) == .wrote(5))
        #expect(client.receiveText(exactly: 5) == "world")
        client.close()
        fixture.run { fixture.handler.closeReasons == [.peerClosed] }
        fixture.loop.remove(listener)
    }
    #expect(access(path, F_OK) != 0, "the file goes with the listener")
}

@Test func `a stale socket file is replaced; a live one and other files are left alone`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/s"
    // A program that was killed leaves its file behind.
    let killed = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    var kernel = try #require(UnsafeSocketAddress.unixForm(path: path))
    #expect(UnsafeSocketAddress.withGenericForm(of: &kernel) { bind(killed, $0, $1) } == 0)
    #expect(listen(killed, 1) == 0)
    close(killed)
    let listener = try ListenerSocket.listen(on: .unix(path: path, mode: 0o600))[0]
    #expect(throws: ListenError.addressInUse(address: path)) {
        try ListenerSocket.listen(on: .unix(path: path, mode: 0o600))
    }
    #expect(access(path, F_OK) == 0)
    let file = directory.path + "/notes.txt"
    fclose(fopen(file, "w"))
    #expect(throws: ListenError.notASocket(path: file)) {
        try ListenerSocket.listen(on: .unix(path: file, mode: 0o600))
    }
    #expect(access(file, F_OK) == 0)
    let long = directory.path + "/" + String(repeating: "x", count: 120)
    #expect(throws: ListenError.badPath(path: long)) { try ListenerSocket.listen(on: .unix(path: long, mode: 0o600)) }
    withExtendedLifetime(listener) {}
}

@Test func `a listener does not remove the file of the program that took its place`() throws {
    let directory = try TemporaryDirectory()
    let path = directory.path + "/s"
    var first: ListenerSocket? = try ListenerSocket.listen(on: .unix(path: path, mode: 0o600))[0]
    #expect(first != nil)
    unlink(path)
    let second = try ListenerSocket.listen(on: .unix(path: path, mode: 0o600))[0]
    first = nil
    #expect(access(path, F_OK) == 0)
    withExtendedLifetime(second) {}
}

@Test func `accepted connections send small packets without delay`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    let record = try #require(fixture.loop.state.pointee.streams.find(stream))
    var (value, length) = (Int32(0), socklen_t(4))
    #expect(getsockopt(record.pointee.descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, &value, &length) == 0)
    #expect(value != 0)
    withExtendedLifetime(client) {}
}

/// Runs `body` on a thread with a descriptor table of its own, so that it can be filled without disturbing others.
private func withOwnDescriptorTable(_ body: @escaping @Sendable () -> Void) throws {
    typealias Unshare = @convention(c) (Int32) -> Int32
    let address = try #require(dlsym(nil, "unshare"))
    let unshare = unsafeBitCast(address, to: Unshare.self)
    let cloneFiles: Int32 = 0x400
    let task = Unmanaged.passRetained(
        Task {
            #expect(unshare(cloneFiles) == 0); body()
        })
    var thread = pthread_t()
    let code = pthread_create(
        &thread, nil,
        { argument in
            argument.map { Unmanaged<Task>.fromOpaque($0).takeRetainedValue().body() }
            return nil
        }, task.toOpaque())
    #expect(code == 0)
    pthread_join(thread, nil)
}

private final class Task {
    let body: () -> Void
    init(_ body: @escaping () -> Void) { self.body = body }
}

private var descriptorLimit: Int {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    return Int(clamping: limit.rlim_cur)
}

@Test(.enabled(if: descriptorLimit <= 1 << 20, "filling the descriptor table takes too long"))
func `running out of descriptors pauses accepting, and afterwards the connection is accepted`() throws {
    try withOwnDescriptorTable {
        do {
            let fixture = try LoopFixture()
            let client = try ClientSocket(port: fixture.listener.address.port)
            var filling: [Int32] = []
            while true {
                let duplicate = dup(client.descriptor)
                if duplicate < 0 { break }
                filling.append(duplicate)
            }
            fixture.run { !fixture.handler.acceptErrors.isEmpty }
            #expect(fixture.handler.acceptErrors.map(\.code) == [EMFILE])
            let turns = fixture.handler.turnsEnded
            for descriptor in filling { close(descriptor) }
            fixture.run { fixture.handler.streams.count == 1 }
            #expect(fixture.handler.turnsEnded - turns < 5, "the loop did not spin")
            client.send([1])
            fixture.run { fixture.handler.receivedBytes == 1 }
        } catch {
            Issue.record(error)
        }
    }
}

@Test func `a removed listener accepts no more and keeps its streams`() throws {
    let fixture = try LoopFixture()
    let (client, stream) = try fixture.connect()
    fixture.loop.remove(fixture.listener)
    let late = try ClientSocket(port: fixture.listener.address.port)
    fixture.runTurn()
    fixture.runTurn()
    #expect(fixture.handler.streams.count == 1)
    #expect(fixture.write(stream, [5]) == .wrote(1))
    #expect(client.receive() == [5])
    withExtendedLifetime(late) {}
}

@Test func `the process knows how many processors it may use`() {
    #expect(csystem_usable_processors() >= 1)
}
