internal import PluginABI
public import PluginSDK
internal import StoreEngine

/// Keeps what the broker has acknowledged in RocksDB: for queues of many gigabytes, whose writes it merges in the
/// background. It offers store/1; the broker says where and how durable.
public final class StoreRocksDBPlugin: Plugin {
    private let state: UnsafeStoreTable.StateBox

    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.store-rocksdb", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: [
                Setting(
                    "write_buffer", .size, default: "64MiB",
                    help: "what is collected in memory, beside the log, before it becomes a file")
            ],
            requiredServices: ["log/1", "provide/1"], allowsSeveralInstances: false)
    }

    /// Checks the settings; nothing is opened before the broker asks for it.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        let buffer = Int(clamping: configuration["write_buffer"].size ?? 64 << 20)
        guard buffer >= 1 << 20 else {
            throw .refused([ConfigurationFault(configuration["write_buffer"], "it must be 1MiB at least")])
        }
        state = UnsafeStoreTable.StateBox(RocksDBProvider(writeBuffer: buffer))
        try super.init(host: host, configuration: configuration)
    }

    public override func start() throws(PluginFailure) {
        try host.offer(
            HL_STORE_SERVICE, table: UnsafeRawPointer(UnsafeStoreTable.table), state: UnsafeStoreTable.state(of: state))
    }
}

/// Opens databases.
final class RocksDBProvider: StorageEngineProvider {
    private let writeBuffer: Int

    init(writeBuffer: Int) { self.writeBuffer = writeBuffer }

    func open(_ options: StoreOptions) throws(StoreFailure) -> any StorageEngine {
        try UnsafeRocksDBEngine(options, writeBuffer: writeBuffer)
    }
}
