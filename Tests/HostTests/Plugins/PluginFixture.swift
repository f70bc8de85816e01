import BrokerCore
import Configuration
import Foundation
import PluginABI
import PositionedYAML
import Locking
import Testing

@testable import Host

/// C plugins of Tests/Fixtures/plugins, built with gcc when a test first asks for them.
enum PluginFixture {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent().path

    private static let folder = NSTemporaryDirectory() + "hookline-fixtures-\(getpid())"
    private static let built = Locked<[String: String]>([:])

    /// Compiler and flags. Under a sanitizer the plugins are instrumented, too, by the compiler whose runtime the tests
    /// were linked with.
    private static let compiler: [String] = {
        for (symbol, name) in [("__tsan_init", "thread"), ("__asan_init", "address")]
        where dlsym(nil, symbol) != nil {
            return ["clang", "-fsanitize=\(name)", "-g"]
        }
        return ["gcc"]
    }()

    /// The shared object of a source with these flags.
    static func build(_ name: String, _ flags: String...) throws -> String {
        let key = ([name] + flags).joined(separator: " ")
        return try built.withLock { built in
            if let path = built[key] { return path }
            try FileManager.default.createDirectory(
                atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
            let path = "\(folder)/\(name)-\(built.count).so"
            let process = Process()
            process.executableURL = URL(filePath: "/usr/bin/env")
            process.arguments =
                compiler
                + ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-shared", "-fPIC", "-fvisibility=hidden"] + flags
                + ["-I\(root)/Sources/PluginABI/include", "-o", path, "\(root)/Tests/Fixtures/plugins/\(name).c"]
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(name).c does not build")
            built[key] = path
            return path
        }
    }
}

/// A plugin host with one dispatcher per shard and everything around it recorded. The shards belong to the test's
/// thread; a new hook table is taken at `turn`.
final class PluginHarness {
    /// What the plugins and the loader said and did.
    struct Record {
        var lines: [PluginLogLine] = []
        var published: [PluginPublication] = []
        var rechecked: [UInt64] = []
        var kicked: [String] = []
        var tables: [HookTable] = []
        var wakes = 0
        /// How often an edit was to be tried again.
        var retries = 0
    }

    let record = Monitor(Record())
    let host: PluginHost
    let dispatchers: [HookDispatcher]
    private let pending: [PendingHooks]
    let folder: String
    private let paths: PathBase

    /// - Parameters:
    ///   - builtins: plugins that are linked in, by name.
    ///   - reload: how changed files are taken up; nil: not at all, and new code is not on trial.
    init(
        shards: Int = 2, builtins: [String: hl_plugin_entry_fn] = [:], reload: BrokerConfiguration.Reload? = nil,
        trust: TrustPolicy = .none, containment: BrokerConfiguration.Containment = .init()
    ) throws {
        folder = NSTemporaryDirectory() + "hookline-plugins-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        paths = PathBase(fileDirectory: folder, workingDirectory: folder)
        let record = record
        let pending = (0..<shards).map { shard in
            PendingHooks(shard: shard) { record.withLock { $0.wakes += 1 } }
        }
        self.pending = pending
        dispatchers = pending.map { HookDispatcher(pending: $0) }
        let port = BrokerPort(
            publish: { publication in
                record.withLock { $0.published.append(publication) }
                return true
            }, revokeVerdicts: { _ in },
            recheckSubscriptions: { connection in record.withLock { $0.rechecked.append(connection) } },
            kick: { _, _ in },
            kickClientID: { clientID, reason in
                record.withLock { $0.kicked.append("\(String(decoding: clientID, as: UTF8.self)) \(reason)") }
            })
        var environment = PluginEnvironment(
            pluginDirectories: [], stagingDirectory: folder, pending: pending, broker: port,
            log: PluginLog(
                isEnabled: { $0 <= .info }, write: { line in record.withLock { $0.lines.append(line) } }),
            install: { table, whenInUse in
                record.withLock { $0.tables.append(table) }
                whenInUse()
            })
        environment.reload = reload ?? .quiet
        environment.trust = trust
        environment.containment = containment
        environment.retryConfiguration = { record.withLock { $0.retries += 1 } }
        host = PluginHost(environment, builtins: builtins)
    }

    deinit {
        host.stop()
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// What plugins.yaml says now.
    private(set) var entries: [PluginEntry] = []

    /// Starts one plugin with its configuration in YAML and lets the shards take the table.
    func start(_ path: String, id: String = "test", _ config: String = "{}") throws {
        try apply([try entry(path, id: id, config)])
    }

    /// Starts several.
    func start(_ entries: [PluginEntry]) throws { try apply(entries) }

    /// Makes these what plugins.yaml says.
    @discardableResult
    func apply(_ entries: [PluginEntry], renewing: Set<String> = []) throws -> PluginChanges {
        let changes = try host.apply(entries, paths: paths, renewing: renewing)
        self.entries = entries
        turn()
        return changes
    }

    /// Replaces one by a new generation.
    func replace(_ path: String, id: String = "test", _ config: String = "{}") throws {
        let new = try entry(path, id: id, config)
        try apply(entries.map { $0.id == id ? new : $0 }, renewing: [id])
    }

    /// Takes one out.
    func remove(_ id: String) throws { try apply(entries.filter { $0.id != id }) }

    /// An entry of plugins.yaml, as if it stood in line 3.
    func entry(_ path: String, id: String = "test", _ config: String = "{}") throws -> PluginEntry {
        var entry = PluginEntry(
            id: id, path: path, position: SourcePosition(file: "plugins.yaml", line: 3, column: 5))
        entry.config = try YAMLParser.parse(Array(config.utf8), file: "plugins.yaml")
        return entry
    }

    /// What stops the start of a plugin, in words.
    func refusal(_ path: String, _ config: String = "{}") throws -> String {
        do {
            try start(path, config)
            return "it started"
        } catch let errors as ConfigurationErrors {
            return errors.description
        }
    }

    /// Every shard takes the newest table.
    func turn() {
        guard let table = record.read({ $0.tables.last }) else { return }
        for dispatcher in dispatchers where dispatcher.table !== table { dispatcher.table = table }
    }

    /// Waits until the plugins have logged `count` lines of an event; their messages.
    func messages(_ event: String, count: Int = 1) -> [String] {
        let deadline = monotonicNow() + 20_000_000_000
        return record.wait { record, wakeUp in
            let messages = record.lines.filter { $0.event == event }.map(\.message)
            if messages.count >= count || monotonicNow() > deadline { return messages }
            wakeUp = deadline
            return nil
        }
    }

    /// Waits until so many hook tables were installed; false: they were not.
    func hasTables(_ count: Int) -> Bool { comes { $0.tables.count >= count } }

    /// Waits until something is so.
    func comes(_ condition: (Record) -> Bool) -> Bool {
        let deadline = monotonicNow() + 20_000_000_000
        return record.wait { record, wakeUp in
            if condition(record) || monotonicNow() > deadline { return condition(record) }
            wakeUp = deadline
            return nil
        }
    }

    /// What was logged of an event so far.
    func messagesNow(_ event: String) -> [String] {
        record.read { record in record.lines.filter { $0.event == event }.map(\.message) }
    }

    /// Waits for the next completions of a shard.
    func completions(_ shard: Int = 0) -> [UInt64] {
        let deadline = monotonicNow() + 20_000_000_000
        let mailbox = pending[shard]
        return record.wait { _, wakeUp in
            let tokens = mailbox.takeCompletions()
            if !tokens.isEmpty || monotonicNow() > deadline { return tokens }
            wakeUp = deadline
            return nil
        }
    }
}

extension HookDispatcher {
    /// auth.connect for a user.
    func logIn(_ user: String, _ password: String) -> HookOutcome {
        let user = view(user)
        let password = view(password)
        var client = hl_client()
        return withUnsafePointer(to: &client) { client in
            var connect = hl_connect()
            connect.struct_size = UInt32(MemoryLayout<hl_connect>.size)
            connect.client = client
            connect.username = user
            connect.password = password
            return authConnect(&connect, now: monotonicNow())
        }
    }

    /// msg.in for a message.
    func message(_ topic: String, properties: [UInt8] = [], hops: UInt32 = 0) -> HookOutcome {
        var msg = hl_msg()
        msg.struct_size = UInt32(MemoryLayout<hl_msg>.size)
        msg.topic = view(topic)
        msg.hops = hops
        let kept = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(properties.count, 1))
        defer { kept.deallocate() }
        _ = kept.initialize(from: properties)
        msg.properties = hl_view(ptr: UnsafePointer(kept.baseAddress), len: UInt64(properties.count))
        return msgIn(&msg, mask: interestMask(topic: msg.topic.bytes), now: monotonicNow())
    }
}

/// The text as bytes that live as long as the process; tests are short.
func view(_ text: String) -> hl_view {
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(text.utf8.count, 1))
    _ = bytes.initialize(from: text.utf8)
    return hl_view(ptr: UnsafePointer(bytes.baseAddress), len: UInt64(text.utf8.count))
}

extension BrokerConfiguration.Reload {
    /// Nothing happens by itself.
    static var quiet: Self {
        var reload = Self()
        reload.isAutomatic = false
        reload.probation = .zero
        return reload
    }

    /// Changed files are taken up at once; new code is on trial for so long.
    static func eager(probation: Duration = .zero) -> Self {
        var reload = Self()
        reload.debounce = .zero
        reload.probation = probation
        return reload
    }
}
