import Configuration
import Glibc
import Testing

@testable import Host

@Suite("The log's queue and writer")
struct LogTests {
    /// Reads a pipe to its end after closing our writing side.
    private func contents(of pipe: Pipe) -> String {
        close(pipe.input)
        return contents(ofOpen: pipe.output)
    }

    /// Reads until the last writing side is closed.
    private func contents(ofOpen output: Int32) -> String {
        var (bytes, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 4_096))
        while true {
            let count = read(output, &chunk, chunk.count)
            if count <= 0 { break }
            bytes += chunk.prefix(count)
        }
        close(output)
        return String(decoding: bytes, as: UTF8.self)
    }

    private struct Pipe {
        let output: Int32
        let input: Int32

        init() {
            var ends: [Int32] = [0, 0]
            #expect(pipe(&ends) == 0)
            (output, input) = (ends[0], ends[1])
        }
    }

    @Test("Lines come out in order, and close writes what waits")
    func order() throws {
        let pipe = Pipe()
        let log = Log(level: .info, format: .json, fileDescriptor: pipe.input)
        try log.start()
        for number in 0..<100 { log.write(.configReloaded) { [.init("changed", number)] } }
        log.close()
        let lines = contents(of: pipe).split(separator: "\n")
        #expect(lines.count == 100)
        for (number, line) in lines.enumerated() { #expect(line.hasSuffix("\"changed\":\(number)}")) }
    }

    @Test("A level that is off builds nothing; it can be changed while running")
    func levels() throws {
        let pipe = Pipe()
        let log = Log(level: .warn, format: .json, fileDescriptor: pipe.input)
        log.write(.clientConnected, .info) {
            Issue.record("built although off")
            return []
        }
        log.setLevels(LogLevels(general: .debug))
        log.write(.clientSubscribed, .debug)
        try log.start()
        log.close()
        #expect(contents(of: pipe).split(separator: "\n").count == 1)
    }

    @Test("What does not fit the queue is dropped, counted and said")
    func overflow() throws {
        let pipe = Pipe()
        let log = Log(level: .info, format: .json, fileDescriptor: pipe.input)
        for _ in 0..<Log.maximumLines + 5 { log.write(.configReloaded) }
        // The pipe holds less than the lines: the reader must run while the writer writes.
        try log.start()
        let thread = try #require(
            HostThread.start("closer") {
                log.close()
                close(pipe.input)
            })
        let lines = contents(ofOpen: pipe.output).split(separator: "\n")
        pthread_join(thread, nil)
        #expect(lines.count == Log.maximumLines + 1)
        #expect(lines.last?.contains(#""event":"log.dropped","lines":5"#) == true)
    }

    @Test("A big value counts against the bound in bytes")
    func overflowInBytes() throws {
        let pipe = Pipe()
        let log = Log(level: .info, format: .json, fileDescriptor: pipe.input)
        let big = [UInt8](repeating: 0x61, count: 60_000)
        for _ in 0..<100 { log.write(.messageDropped, .warn) { [.init("topic", .bytes(big))] } }
        try log.start()
        log.close()
        let lines = contents(of: pipe).split(separator: "\n")
        #expect(lines.count == Log.maximumBytes / 60_064 + 1)
    }

    @Test("Repeats that were counted are written at the end")
    func repeatsAtClose() throws {
        let pipe = Pipe()
        let log = Log(level: .info, format: .json, fileDescriptor: pipe.input)
        for _ in 0..<7 { log.write(.publishDenied, .warn, about: [1]) { [.init("client", "x")] } }
        try log.start()
        log.close()
        let lines = contents(of: pipe).split(separator: "\n")
        #expect(lines.count == 2)
        #expect(lines.last?.hasSuffix(#""client":"x","repeats":6}"#) == true)
    }

    @Test("A journal is one only if the variable names this very stream")
    func journal() {
        var status = stat()
        #expect(fstat(2, &status) == 0)
        #expect(Journal.receives(2, variable: "\(status.st_dev):\(status.st_ino)"))
        #expect(!Journal.receives(2, variable: "8:12345678901"))
        #expect(!Journal.receives(2, variable: nil))
    }
}
