import Foundation
import Testing

@testable import Host

@Suite("Keys and values on disk")
struct KeyValueTests {
    private func open(_ path: String?) throws -> KeyValueStore {
        // The test is the writer's thread.
        try KeyValueStore(path: path, schedule: { $0.writePending() }, report: { _ in })
    }

    private func text(_ entry: KeyValueStore.Entry?) -> String? {
        entry.map { String(decoding: $0.value, as: UTF8.self) }
    }

    private func bytes(_ text: String) -> [UInt8] { Array(text.utf8) }

    @Test("The check sum is CRC-32C: the digits 1 to 9 give E3069283")
    func checksum() {
        #expect(CRC32C.checksum(bytes("123456789")[...]) == 0xE306_9283)
    }

    @Test("Compare and set: only the expected version is replaced, and every change has a new one")
    func compareAndSet() throws {
        let store = try open(nil)
        let first = try store.set(bytes("k"), bytes("1"), expected: 0, done: nil).get()
        #expect(store.set(bytes("k"), bytes("2"), expected: 0, done: nil) == .failure(.conflict(first)))
        let second = try store.set(bytes("k"), bytes("2"), expected: first, done: nil).get()
        #expect(second > first)
        #expect(store.remove(bytes("k"), expected: first, done: nil) == .failure(.conflict(second)))
        #expect(throws: Never.self) { try store.remove(bytes("k"), expected: second, done: nil).get() }
        #expect(store.get(bytes("k")) == nil && store.count == 0 && store.bytes == 0)
    }

    @Test("Keys come in order of their bytes, from a prefix on")
    func order() throws {
        let store = try open(nil)
        for key in ["b/2", "a", "b/10", "b", "c", "b/1"] {
            _ = store.set(bytes(key), [], expected: nil, done: nil)
        }
        var found: [String] = []
        var after: [UInt8] = []
        while let key = store.next(prefix: bytes("b/"), after: after) {
            found.append(String(decoding: key, as: UTF8.self))
            after = key
        }
        #expect(found == ["b/1", "b/10", "b/2"])
        #expect(store.next(prefix: [], after: []) == bytes("a"))
        #expect(store.next(prefix: [], after: bytes("c")) == nil)
    }

    @Test("What was answered is there after a restart, with its versions")
    func restart() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/x.kv"
        let store = try open(path)
        let answers = Monitor<[Bool]>([])
        for number in 0..<100 {
            _ = store.set(bytes("k\(number % 10)"), bytes("\(number)"), expected: nil) { isDone in
                answers.withLock { $0.append(isDone) }
            }
        }
        _ = store.remove(bytes("k3"), expected: nil, done: nil)
        #expect(store.flush())
        #expect(answers.read { $0.count == 100 && $0.allSatisfy { $0 } })
        let again = try open(path)
        #expect(again.count == 9 && again.get(bytes("k3")) == nil)
        #expect(text(again.get(bytes("k9"))) == "99")
        #expect(again.get(bytes("k9"))?.version == store.get(bytes("k9"))?.version)
    }

    @Test("An unfinished write at the end is cut off at every possible place, and nothing before it is lost")
    func torn() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/x.kv"
        let store = try open(path)
        _ = store.set(bytes("first"), bytes("1"), expected: nil, done: nil)
        let whole = try Data(contentsOf: URL(filePath: path)).count
        _ = store.set(bytes("second"), bytes("2"), expected: nil, done: nil)
        let all = try Data(contentsOf: URL(filePath: path))
        for length in whole..<all.count {
            try all.prefix(length).write(to: URL(filePath: path))
            let again = try open(path)
            #expect(text(again.get(bytes("first"))) == "1" && again.get(bytes("second")) == nil, "\(length)")
            // It goes on behind the cut.
            _ = again.set(bytes("third"), bytes("3"), expected: nil, done: nil)
            #expect(text(try open(path).get(bytes("third"))) == "3", "\(length)")
        }
    }

    @Test("A damaged record with good ones behind it is not passed over in silence")
    func damaged() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/x.kv"
        let store = try open(path)
        _ = store.set(bytes("first"), bytes("1"), expected: nil, done: nil)
        _ = store.set(bytes("second"), bytes("2"), expected: nil, done: nil)
        var all = try Data(contentsOf: URL(filePath: path))
        all[KeyValueRecord.fileHeader.count + 20] ^= 1
        try all.write(to: URL(filePath: path))
        #expect(throws: KeyValueFile.Problem.self) { try open(path) }
    }

    @Test("A file that is mostly out of date is written anew")
    func compaction() throws {
        let folder = try TemporaryDirectory()
        let path = folder.path + "/x.kv"
        let store = try open(path)
        let value = [UInt8](repeating: 7, count: 256 << 10)
        for _ in 0..<12 { _ = store.set(bytes("k"), value, expected: nil, done: nil) }
        let size = try Data(contentsOf: URL(filePath: path)).count
        #expect(size < 2 << 20, "\(size)")
        #expect(try open(path).get(bytes("k"))?.value == value)
    }
}
