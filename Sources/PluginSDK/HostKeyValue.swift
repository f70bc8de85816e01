internal import PluginABI

/// A value of the instance's key-value store and its version.
public struct StoredValue: Sendable, Equatable {
    /// Any bytes.
    public var bytes: [UInt8]
    /// Never 0; another one after each change.
    public var version: UInt64
}

/// What must be there for a change to happen.
public enum ExpectedVersion: Sendable, Equatable {
    case any
    case absent
    case version(UInt64)

    var raw: UInt64 {
        switch self {
        case .any: UInt64(HL_KV_ANY)
        case .absent: 0
        case .version(let version): version
        }
    }
}

/// What became of a change.
public enum StoreResult: Sendable, Equatable {
    /// Done, and what version it made.
    case done(UInt64)
    /// Another version is there; 0: none.
    case conflict(UInt64)
    /// A bound is reached, a key or value is too large, the disk is too slow, or the service is not granted.
    case refused
}

/// Keys and values that outlive generations and restarts. Reading never waits; a change is seen at once, and survives a
/// crash when `done` was called with true.
extension PluginHost {
    /// The value of a key; `nil` when there is none.
    public func value(of key: String) -> StoredValue? {
        guard let get = raw.pointee.kv?.pointee.get else { return nil }
        return withView(key) { key in
            var (size, version): (UInt64, UInt64) = (0, 0)
            var capacity = 256
            while true {
                var status: hl_status = HL_FAILED
                let bytes = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, initialized in
                    status = get(raw, key, buffer.baseAddress, UInt64(capacity), &size, &version)
                    initialized = status == HL_OK ? min(capacity, Int(clamping: size)) : 0
                }
                guard status == HL_OK else { return nil }
                if size <= UInt64(capacity) { return StoredValue(bytes: bytes, version: version) }
                // It may have grown between two looks.
                capacity = Int(clamping: size)
            }
        }
    }

    /// Sets a key when its version is the expected one.
    /// - Parameter done: called on a worker when the change is on the disk, or was refused by it.
    @discardableResult
    public func setValue(
        of key: String, _ bytes: [UInt8], expected: ExpectedVersion = .any, done: (@Sendable (Bool) -> Void)? = nil
    ) -> StoreResult {
        guard let set = raw.pointee.kv?.pointee.set else { return .refused }
        let user = done.map { callbacks.add(StoreBox(host: self, body: $0)) }
        var version: UInt64 = 0
        let status = withView(key) { key in
            withView(bytes.span) { value in
                set(raw, key, value, expected.raw, &version, user == nil ? nil : StoreBox.run, user)
            }
        }
        if status != HL_OK { callbacks.remove(user) }
        return result(status, version)
    }

    /// Removes a key when its version is the expected one.
    @discardableResult
    public func removeValue(of key: String, expected: ExpectedVersion = .any) -> Bool {
        withView(key) { raw.pointee.kv?.pointee.remove?(raw, $0, expected.raw, nil, nil) == HL_OK }
    }

    /// The first key after `after` that begins with `prefix`, in the order of their bytes; `nil` when there is none.
    public func nextKey(prefix: String = "", after: String = "") -> String? {
        guard let next = raw.pointee.kv?.pointee.next else { return nil }
        var (size, status): (UInt64, hl_status) = (0, HL_FAILED)
        let bytes = [UInt8](unsafeUninitializedCapacity: 512) { buffer, initialized in
            status = withView(prefix) { prefix in
                withView(after) { after in next(raw, prefix, after, buffer.baseAddress, 512, &size) }
            }
            initialized = status == HL_OK ? min(512, Int(clamping: size)) : 0
        }
        return status == HL_OK ? String(decoding: bytes, as: UTF8.self) : nil
    }

    private func result(_ status: hl_status, _ version: UInt64) -> StoreResult {
        switch status {
        case HL_OK: .done(version)
        case HL_CONFLICT: .conflict(version)
        default: .refused
        }
    }
}

private struct StoreBox: Sendable {
    let host: PluginHost
    let body: @Sendable (Bool) -> Void

    static let run: hl_kv_done_fn = { _, user, status in
        guard let box = Callback<StoreBox>.of(user)?.body else { return }
        box.body(status == HL_OK)
        box.host.callbacks.remove(user)
    }
}
