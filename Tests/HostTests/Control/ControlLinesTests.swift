import Configuration
import Testing

@testable import Host

@Suite("Lines of a control connection")
struct ControlLinesTests {
    @Test("are found however the bytes are cut")
    func cuts() throws {
        var lines = ControlLines()
        var found: [[UInt8]] = []
        for byte in Array("ab\n\nc\nd".utf8) {
            found += try withUnsafeBytes(of: byte) { bytes in try lines.adding(bytes) }
        }
        #expect(found == [Array("ab".utf8), [], Array("c".utf8)])
    }

    @Test("have a bound")
    func endless() throws {
        var lines = ControlLines()
        let bytes = [UInt8](repeating: 0x20, count: ControlRequest.maxLineBytes)
        let first = try bytes.withUnsafeBytes { bytes in try lines.adding(bytes) }
        #expect(first.isEmpty)
        #expect(throws: ControlLines.TooLong()) { try bytes.withUnsafeBytes { bytes in try lines.adding(bytes) } }
    }
}
