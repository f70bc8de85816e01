import BrokerCore
import PluginABI
import StoreFormat

/// Everything a store holds, read at the start.
struct StoreReading {
    let state: StoredState
    /// The greatest order of messages under way.
    let lastOrder: UInt64
    /// Nothing was ever stored: the version of the format has to be.
    let isNew: Bool

    /// Most problems that are told one by one.
    private static let maximumProblems = 100

    /// Records between two calls of `progress`.
    private static let recordsPerStep = 4_000

    /// Reads it, queued messages apart. [worker]
    /// - Parameter progress: called with the number of records read, in equal steps.
    init(_ store: OpenStore, clock: StoreClock, progress: (Int) -> Void) throws(OpenStore.Failure) {
        var reader = StoredState.Reader(clock: clock)
        var count = 0
        var problems = 0
        var isNew = true
        func take(
            _ key: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer
        ) throws(OpenStore.Failure) {
            isNew = false
            count += 1
            do throws(StoreFormatError) {
                let record = try StoreRecord(key: key, value: value)
                if case .format(let version) = record, version > UInt32(StoreFormat.version) {
                    throw .newer(version: UInt8(clamping: version))
                }
                reader.take(record)
            } catch {
                if case .newer = error { throw OpenStore.Failure(description: "the store \(error)") }
                problems += 1
                if problems <= Self.maximumProblems { reader.note("key \(Self.text(key)) \(error)") }
            }
            if count % Self.recordsPerStep == 0 { progress(count) }
        }
        let messages = StoreTable.message.range
        try store.readAll(to: messages.from, take)
        // Messages are many and large: which there are is enough for queues, which read them when their turn comes.
        var ids: [UInt64] = []
        try store.readAll(from: messages.from, to: messages.to, keysOnly: true) { (key, _) throws(OpenStore.Failure) in
            count += 1
            if count % Self.recordsPerStep == 0 { progress(count) }
            guard key.count == 9 else { return }
            ids.append(UInt64(bigEndian: key.loadUnaligned(fromByteOffset: 1, as: UInt64.self)))
        }
        reader.expectMessages(ids)
        try store.readAll(from: messages.to, take)
        for (id, message) in store.messages(reader.needed(), clock: clock) {
            if let message { reader.take(id, message) } else { reader.note("message \(id) cannot be read") }
        }
        if problems > Self.maximumProblems { reader.note("\(problems - Self.maximumProblems) more like these") }
        lastOrder = reader.lastOrder
        state = reader.finish()
        self.isNew = isNew
    }

    /// A key in hexadecimal, not all of a long one.
    private static func text(_ key: UnsafeRawBufferPointer) -> String {
        key.prefix(40).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count == 1 ? "0" + digits : digits
        }.joined() + (key.count > 40 ? "..." : "")
    }
}
