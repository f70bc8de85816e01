public import PluginABI

/// What a storage engine does by itself. Queue, groups, lanes, answers, statistics and the C table are those of
/// ``UnsafeOpenStore``, the same for every engine.
///
/// Threads as in services/store.h: [store] is one thread per store; [worker] functions run beside it and each other.
public protocol StorageEngine: AnyObject, Sendable {
    /// [store] Makes the changes visible and, if `flushed`, durable: wholly or not at all. After a failure the engine
    /// is as before, and the next call may succeed.
    /// - Parameter changes: in order, and valid during the call.
    func commit(
        _ changes: UnsafeBufferPointer<UnsafePointer<hl_store_change>>, flushed: Bool
    ) throws(StoreFailure)

    /// [store] Makes durable what was committed without a flush.
    func flush() throws(StoreFailure)

    /// [store] Between two commits: tidies up what must not be in their way, or asks another thread to.
    func tidy()

    /// [worker] What is stored now.
    func snapshot() throws(StoreFailure) -> any StorageSnapshot

    /// [worker] Looks at everything; tells of each damaged place through the report it was opened with.
    func verify() throws(StoreFailure)

    /// [store] Bytes of the write-ahead log and of everything.
    func size() -> (log: UInt64, files: UInt64)

    /// [worker] The last call.
    func close() throws(StoreFailure)
}

/// A view of an engine at one moment, for one thread at a time.
public protocol StorageSnapshot: AnyObject {
    /// Lends the value of a key to `body`; false when there is none.
    func get(_ key: hl_view, _ body: (hl_view) -> Void) throws(StoreFailure) -> Bool
    /// A walk through a range.
    func scan(from: hl_view, to: hl_view, flags: UInt32) throws(StoreFailure) -> any StorageCursor
    /// The last call.
    func end()
}

/// A walk through the keys of a snapshot.
public protocol StorageCursor: AnyObject {
    /// As `next` of store/1. With a failure, `count` pairs are good.
    func next(_ pairs: UnsafeMutableBufferPointer<hl_store_pair>, _ count: inout Int) throws(StoreFailure)
    /// The last call.
    func end()
}

/// Why the engine did not do what it was asked for.
public struct StoreFailure: Error {
    /// One of the statuses that store/1 names.
    public var status: hl_status
    /// A sentence for a person; empty when there is nothing to add.
    public var message: String

    /// A failure.
    public init(_ status: hl_status, _ message: String = "") {
        self.status = status
        self.message = message
    }
}

/// When a batch counts as durable.
public enum SyncPolicy: Sendable, Equatable {
    case always
    /// Flushed so many nanoseconds later at the latest.
    case interval(Int64)
    case never
}

/// What a person should know, and how grave it is.
public enum ReportLevel: UInt32, Sendable {
    case error = 1
    case warning = 2
    case information = 3
}

/// What the caller of `open` wants.
public struct StoreOptions: Sendable {
    /// Absolute; exists; belongs to this store alone.
    public var folder: String
    /// Nothing is written, nothing repaired.
    public var isReadOnly: Bool
    /// When a batch counts as durable.
    public var sync: SyncPolicy
    /// Takes one sentence. Any thread.
    public var report: @Sendable (ReportLevel, String) -> Void
}

/// A plugin that has an engine: what the C table calls `state`.
public protocol StorageEngineProvider: AnyObject, Sendable {
    /// [worker] Opens or makes what is in a folder.
    func open(_ options: StoreOptions) throws(StoreFailure) -> any StorageEngine
}
