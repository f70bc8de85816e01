internal import PluginABI
public import PluginSDK
internal import StoreEngine

/// Keeps what the broker has acknowledged in one SQLite database (docs/durability.md). It offers store/1; the broker
/// says where and how durable.
public final class StoreSQLitePlugin: Plugin {
    private let state: UnsafeStoreTable.StateBox

    public override class var description: PluginDescription {
        PluginDescription(
            id: "org.hookline.store-sqlite", version: "1.0.0", vendor: "Hookline", licence: "Apache-2.0",
            settings: [
                Setting("cache", .size, default: "32MiB", help: "pages of the database that are kept in memory"),
                Setting(
                    "mmap", .size, default: "0",
                    help: "how much of the database is read through mapped memory; "
                        + "a failing disk then ends the broker"),
                Setting(
                    "log_size", .size, default: "32MiB",
                    help: "size of the write-ahead log at which it is worked into the database"),
                Setting(
                    "page_size", .size, default: "16KiB",
                    help: "page of a new database: a power of two from 4KiB to 64KiB"),
            ],
            requiredServices: ["log/1", "provide/1"], allowsSeveralInstances: false)
    }

    /// Checks the settings; nothing is opened before the broker asks for it.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        var tuning = Tuning()
        var faults: [ConfigurationFault] = []
        tuning.cacheBytes = Int(clamping: configuration["cache"].size ?? UInt64(tuning.cacheBytes))
        tuning.mappedBytes = Int(clamping: configuration["mmap"].size ?? 0)
        tuning.logBytes = Int(clamping: configuration["log_size"].size ?? UInt64(tuning.logBytes))
        tuning.pageBytes = Int(clamping: configuration["page_size"].size ?? UInt64(tuning.pageBytes))
        if tuning.pageBytes & (tuning.pageBytes - 1) != 0 || !(4096...65536).contains(tuning.pageBytes) {
            faults.append(
                ConfigurationFault(configuration["page_size"], "it must be 4KiB, 8KiB, 16KiB, 32KiB or 64KiB"))
        }
        if tuning.logBytes < 1 << 20 {
            faults.append(ConfigurationFault(configuration["log_size"], "it must be 1MiB at least"))
        }
        guard faults.isEmpty else { throw .refused(faults) }
        state = UnsafeStoreTable.StateBox(SQLiteProvider(tuning: tuning))
        try super.init(host: host, configuration: configuration)
    }

    public override func start() throws(PluginFailure) {
        try host.offer(
            HL_STORE_SERVICE, table: UnsafeRawPointer(UnsafeStoreTable.table), state: UnsafeStoreTable.state(of: state))
    }
}

/// Opens databases.
final class SQLiteProvider: StorageEngineProvider {
    private let tuning: Tuning

    init(tuning: Tuning) { self.tuning = tuning }

    func open(_ options: StoreOptions) throws(StoreFailure) -> any StorageEngine {
        try UnsafeSQLiteEngine(options, tuning)
    }
}
