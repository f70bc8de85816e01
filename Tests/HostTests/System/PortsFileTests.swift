import Configuration
import Glibc
import Testing

@testable import Host

@Suite("The ports file")
struct PortsFileTests {
    private let tcp = OpenListener(name: "tcp", url: "mqtt://127.0.0.1:43211", host: "127.0.0.1", port: 43211)

    @Test("holds the documented object")
    func object() {
        #expect(
            PortsFile.object([tcp], version: "0.3.0", process: 4242).rendered
                == #"{"schema":1,"pid":4242,"version":"0.3.0","state":"ready","#
                + #""listeners":{"tcp":{"url":"mqtt://127.0.0.1:43211","host":"127.0.0.1","port":43211}},"plugins":{}}"#
        )
    }

    @Test("appears whole or not at all: a reader that looks all the time never sees a part")
    func atomic() throws {
        let directory = try TemporaryDirectory()
        let path = directory.path + "/ports.json"
        let file = PortsFile(destination: .file(path))
        let listeners = (0..<200).map { OpenListener(name: "l\($0)", url: "mqtt://x", host: "x", port: $0) }
        let thread = try #require(
            HostThread.start("writer") {
                for _ in 0..<200 {
                    try? file.write(listeners, version: "1")
                    file.remove()
                }
                try? file.write(listeners, version: "last")
            })
        let whole = PortsFile.object(listeners, version: "1", process: getpid()).rendered
        let last = PortsFile.object(listeners, version: "last", process: getpid()).rendered
        while true {
            guard let text = SmallFile.readText(path) else { continue }
            #expect(text == whole || text == last)
            if text == last { break }
        }
        pthread_join(thread, nil)
    }

    @Test("is removed, and nothing beside it is left")
    func removal() throws {
        let directory = try TemporaryDirectory()
        let file = PortsFile(destination: .file(directory.path + "/ports.json"))
        try file.write([tcp], version: "1")
        file.remove()
        #expect(rmdir(directory.path) == 0)
    }

    @Test("cannot be written into a folder that is not there, and says so")
    func noFolder() {
        #expect(throws: OperationError("write /nowhere/ports.json", code: ENOENT)) {
            try PortsFile(destination: .file("/nowhere/ports.json")).write([tcp], version: "1")
        }
    }

    @Test("JSON strings are escaped", arguments: [("a\"b\\", #""a\"b\\""#), ("\n\u{1}\u{7F}", #""\n\u0001\u007f""#)])
    func strings(value: String, text: String) { #expect(JSONText.string(value).rendered == text) }
}
