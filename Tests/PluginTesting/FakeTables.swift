internal import PluginABI
internal import PluginSDK

/// The C tables of a `FakeHost`: each function finds the host behind `self->host` and writes down what it was told.
final class FakeTables {
    private let core = Table(hl_core_v1.self)
    private let log = Table(hl_log_v1.self)
    private let executor = Table(hl_executor_v1.self)
    private let clock = Table(hl_clock_v1.self)
    private let watch = Table(hl_watch_v1.self)
    private let client = Table(hl_client_v1.self)
    private let call = Table(hl_call_v1.self)
    private let config = Table(hl_config_v1.self)

    init() {
        core.pointer.pointee.register_hook = { instance, hook, function, interest, _ in
            guard let host = FakeHost.of(instance), let function else { return HL_INVALID }
            host.hooks[hook] = function
            host.interests[hook] = interest?.pointee
            return HL_OK
        }
        core.pointer.pointee.fail = { FakeHost.of($0)?.failures.append($1.text) }
        core.pointer.pointee.set_health = { instance, health, _ in FakeHost.of(instance)?.health.append(health) }
        core.pointer.pointee.complete = { instance, token, verdict, answer in
            guard let host = FakeHost.of(instance) else { return HL_INVALID }
            return host.pending.complete(token, verdict, answer?.pointee ?? hl_answer())
        }
        log.pointer.pointee.enabled = { _, level in level <= HL_LOG_INFO ? 1 : 0 }
        log.pointer.pointee.write = { instance, level, event, message, fields, count in
            let pairs = UnsafeBufferPointer(start: fields, count: Int(count)).map { ($0.key.text, $0.value.text) }
            let line = FakeHost.LogLine(
                level: LogLevel(rawValue: level) ?? .trace, event: event.text, message: message.text,
                fields: Dictionary(pairs) { $1 })
            FakeHost.of(instance)?.log.append(line)
        }
        executor.pointer.pointee.defer = { call, function in
            guard let call, let host = FakeHost.of(call.pointee.`self`) else { return HL_ERROR }
            host.deferred = function
            call.pointee.token = 1
            return HL_PENDING
        }
        clock.pointer.pointee.monotonic = { FakeHost.of($0)?.monotonicTime ?? 0 }
        clock.pointer.pointee.wall = { FakeHost.of($0)?.wallTime ?? 0 }
        watch.pointer.pointee.add = { instance, path, function, user, _ in
            guard let host = FakeHost.of(instance), let function else { return HL_INVALID }
            host.watches.append((path.text, function, user))
            return HL_OK
        }
        client.pointer.pointee.revoke = { instance, _ in
            FakeHost.of(instance)?.revokeCount += 1
            return HL_OK
        }
        client.pointer.pointee.kick = { instance, connection, _ in
            FakeHost.of(instance)?.kicked.append(connection)
            return HL_OK
        }
        client.pointer.pointee.recheck = { instance, _ in
            FakeHost.of(instance)?.recheckCount += 1
            return HL_OK
        }
        fillCall()
        fillConfig()
    }

    private func fillCall() {
        call.pointer.pointee.pend = { call in
            guard let call, let host = FakeHost.of(call.pointee.`self`) else { return 0 }
            call.pointee.token = host.pending.open()
            return call.pointee.token
        }
        call.pointer.pointee.complete = { call, verdict in
            guard let host = FakeHost.of(call?.pointee.`self`) else { return HL_INVALID }
            host.answer.completions += 1
            guard host.answer.completions == 1 else { return HL_STALE }
            host.answer.verdict = verdict
            return HL_OK
        }
        call.pointer.pointee.set_reason = { call, reason in
            FakeHost.of(call?.pointee.`self`)?.answer.reason = reason
            return HL_OK
        }
        call.pointer.pointee.set_rule = { call, rule in
            FakeHost.of(call?.pointee.`self`)?.answer.rule = rule.text
            return HL_OK
        }
        call.pointer.pointee.set_cache = { call, scope, _ in
            FakeHost.of(call?.pointee.`self`)?.answer.cacheScope = scope
            return HL_OK
        }
        call.pointer.pointee.set_data = { call, data in
            FakeHost.of(call?.pointee.`self`)?.answer.data = Array(data.bytes)
            return HL_OK
        }
        call.pointer.pointee.set_memo = { call, memo in
            FakeHost.of(call?.pointee.`self`)?.answer.memo = Array(memo.bytes)
            return HL_OK
        }
        call.pointer.pointee.set_expires_at = { call, when in
            FakeHost.of(call?.pointee.`self`)?.answer.expiresAt = when
            return HL_OK
        }
        call.pointer.pointee.set_properties = { call, properties in
            let bytes = Array(UnsafeBufferPointer(start: properties.ptr, count: Int(properties.len)))
            FakeHost.of(call?.pointee.`self`)?.answer.properties = bytes
            return HL_OK
        }
        call.pointer.pointee.set_identity = { call, userName, groups, count, account in
            let host = FakeHost.of(call?.pointee.`self`)
            host?.answer.identity = userName.text
            host?.answer.account = account.text
            host?.answer.groups = UnsafeBufferPointer(start: groups, count: Int(count)).map(\.text)
            return HL_OK
        }
    }

    private func fillConfig() {
        config.pointer.pointee.child = { config, node, key in
            FakeHost.of(config)?.settings.child(of: node, named: key.text) ?? HL_NO_NODE
        }
        config.pointer.pointee.item = { FakeHost.of($0)?.settings.item($2, of: $1) ?? HL_NO_NODE }
        config.pointer.pointee.count = { FakeHost.of($0)?.settings.count(of: $1) ?? 0 }
        config.pointer.pointee.key = { FakeHost.of($0)?.settings.key($2, of: $1) ?? hl_view() }
        config.pointer.pointee.kind = { FakeHost.of($0)?.settings.kind(of: $1) ?? HL_KIND_NONE }
        config.pointer.pointee.text = { FakeHost.of($0)?.settings.text(of: $1) ?? hl_view() }
        config.pointer.pointee.path = { FakeHost.of($0)?.settings.text(of: $1) ?? hl_view() }
        config.pointer.pointee.refuse = { config, _, message in
            FakeHost.of(config)?.refusals.append(message.text)
        }
    }

    func fill(_ instance: inout hl_self) {
        instance.struct_size = UInt32(MemoryLayout<hl_self>.size)
        instance.core = UnsafePointer(core.pointer)
        instance.log = UnsafePointer(log.pointer)
        instance.executor = UnsafePointer(executor.pointer)
        instance.clock = UnsafePointer(clock.pointer)
        instance.watch = UnsafePointer(watch.pointer)
        instance.client = UnsafePointer(client.pointer)
    }

    func fill(_ configuration: inout hl_config) {
        configuration.struct_size = UInt32(MemoryLayout<hl_config>.size)
        configuration.api = UnsafePointer(config.pointer)
    }

    func fill(_ call: inout hl_call) {
        call.api = UnsafePointer(self.call.pointer)
    }
}

/// One zeroed table at a fixed address.
private final class Table<Layout> {
    let pointer: UnsafeMutablePointer<Layout>

    init(_ layout: Layout.Type) {
        let size = MemoryLayout<Layout>.size
        let memory = UnsafeMutableRawPointer.allocate(
            byteCount: size, alignment: MemoryLayout<Layout>.alignment)
        memory.initializeMemory(as: UInt8.self, repeating: 0, count: size)
        memory.storeBytes(of: UInt32(size), as: UInt32.self)  // struct_size stands first everywhere.
        pointer = memory.assumingMemoryBound(to: Layout.self)
    }

    deinit { UnsafeMutableRawPointer(pointer).deallocate() }
}

extension FakeHost {
    static func of(_ instance: UnsafePointer<hl_self>?) -> FakeHost? {
        instance?.pointee.host.map { Unmanaged<FakeHost>.fromOpaque($0).takeUnretainedValue() }
    }

    static func of(_ instance: UnsafeMutablePointer<hl_self>?) -> FakeHost? {
        of(instance.map { UnsafePointer($0) })
    }

    static func of(_ configuration: UnsafePointer<hl_config>?) -> FakeHost? {
        configuration?.pointee.host.map { Unmanaged<FakeHost>.fromOpaque($0).takeUnretainedValue() }
    }
}

extension hl_view {
    var bytes: UnsafeBufferPointer<UInt8> { UnsafeBufferPointer(start: ptr, count: ptr == nil ? 0 : Int(len)) }

    var text: String {
        String(decoding: UnsafeBufferPointer(start: ptr, count: ptr == nil ? 0 : Int(len)), as: UTF8.self)
    }
}
