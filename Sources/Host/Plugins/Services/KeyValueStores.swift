import Glibc

/// The key-value stores of all instances, and the thread that writes them.
///
/// @unchecked Sendable: `thread` is set and read behind the monitor's lock only.
final class KeyValueStores: @unchecked Sendable {
    private struct State {
        var stores: [String: KeyValueStore] = [:]
        var waiting: [KeyValueStore] = []
        var isStopped = false
        var thread: pthread_t?
    }

    private let state = Monitor(State())
    /// Nil: nothing is written to disk.
    private let folder: String?

    /// - Parameter dataDirectory: where a folder `kv` is made; nil: in memory only.
    init(dataDirectory: String?) { folder = dataDirectory.map { $0 + "/kv" } }

    /// The store of an instance id; the same object for every generation.
    func open(_ id: String, _ report: @escaping @Sendable (String) -> Void) throws(KeyValueFile.Problem)
        -> KeyValueStore
    {
        if let store = state.read({ $0.stores[id] }) { return store }
        if let folder, mkdir(folder, 0o700) != 0, errno != EEXIST {
            throw KeyValueFile.Problem("cannot make \(folder)", code: errno)
        }
        let store = try KeyValueStore(
            path: folder.map { "\($0)/\(id).kv" }, schedule: { [weak self] in self?.schedule($0) }, report: report)
        return state.withLock { state in
            if let other = state.stores[id] { return other }
            state.stores[id] = store
            return store
        }
    }

    /// Writes what waits, and ends the thread.
    func stop() {
        let thread = state.withLock { state in
            state.isStopped = true
            return state.thread
        }
        if let thread { pthread_join(thread, nil) }
        state.withLock { $0.thread = nil }
    }

    private func schedule(_ store: KeyValueStore) {
        let mustWrite = state.withLock { state in
            guard !state.isStopped else { return true }
            state.waiting.append(store)
            if state.thread == nil {
                state.thread = HostThread.start("hl-kv") { [self] in run() }
            }
            return state.thread == nil
        }
        // Without a thread the caller waits for the disk itself.
        if mustWrite { store.writePending() }
    }

    private func run() {
        while true {
            let stores: [KeyValueStore] = state.wait { state, _ in
                guard !state.waiting.isEmpty || state.isStopped else { return nil }
                defer { state.waiting = [] }
                return state.waiting
            }
            guard !stores.isEmpty else { return }
            for store in stores { store.writePending() }
        }
    }
}
