internal import Locking
internal import PluginABI

/// What a descriptor is waited for, and what it is ready for.
public struct DescriptorEvents: OptionSet, Sendable {
    /// Bits of `HL_FD_*`.
    public let rawValue: UInt32

    /// From the bits.
    public init(rawValue: UInt32) {
        self.rawValue = rawValue
    }

    /// There is something to read, or the end of it.
    public static let read = DescriptorEvents(rawValue: HL_FD_READ)
    /// It takes bytes.
    public static let write = DescriptorEvents(rawValue: HL_FD_WRITE)
    /// Error or hang-up: reported whether waited for or not.
    public static let error = DescriptorEvents(rawValue: HL_FD_ERROR)
}

/// A descriptor that the host waits for, see `PluginHost.watch(descriptor:for:_:)`.
public struct DescriptorWatch: Sendable {
    let id: UInt64
}

/// Descriptors of a plugin, level triggered (`reactor/1`).
extension PluginHost {
    /// Calls `body` on a worker thread when the descriptor is ready, never twice at the same time, until it answers
    /// false or the plugin stops. The descriptor stays the plugin's, who closes it after that: an object that `body`
    /// alone holds may close it when it goes.
    /// - Returns: `nil` when the descriptor cannot be waited for, there are too many, or the service is not granted.
    @discardableResult
    public func watch(
        descriptor: Int32, for events: DescriptorEvents,
        _ body: @escaping @Sendable (DescriptorWatch, DescriptorEvents) -> Bool
    ) -> DescriptorWatch? {
        guard let add = raw.pointee.reactor?.pointee.add else { return nil }
        let box = DescriptorBox(host: self, body: body)
        let user = callbacks.add(box)
        // The function may run before its number is known here: it waits for the lock.
        let watch = box.watch.withLock { watch -> DescriptorWatch? in
            var id: hl_fd = 0
            let wanted = events.intersection([.read, .write]).rawValue
            guard add(raw, descriptor, wanted, DescriptorBox.run, user, &id) == HL_OK else { return nil }
            watch = DescriptorWatch(id: id)
            return watch
        }
        if watch == nil { callbacks.remove(user) }
        return watch
    }

    /// Waits for something else from now on; for nothing but errors with `[]`.
    /// - Returns: false when the watch has ended.
    @discardableResult
    public func update(_ watch: DescriptorWatch, for events: DescriptorEvents) -> Bool {
        let wanted = events.intersection([.read, .write]).rawValue
        return raw.pointee.reactor?.pointee.update?(raw, watch.id, wanted) == HL_OK
    }

    /// Ends a watch from outside its function, which does not begin any more but may still be running; what it holds
    /// is kept until the plugin stops.
    public func end(_ watch: DescriptorWatch) {
        _ = raw.pointee.reactor?.pointee.remove?(raw, watch.id)
    }
}

private final class DescriptorBox: Sendable {
    let host: PluginHost
    let body: @Sendable (DescriptorWatch, DescriptorEvents) -> Bool
    let watch = Locked<DescriptorWatch?>(nil)

    init(host: PluginHost, body: @escaping @Sendable (DescriptorWatch, DescriptorEvents) -> Bool) {
        self.host = host
        self.body = body
    }

    static let run: hl_fd_fn = { _, user, _, ready in
        guard let box = Callback<DescriptorBox>.of(user)?.body, let watch = box.watch.withLock({ $0 }) else { return }
        if box.body(watch, DescriptorEvents(rawValue: ready)) { return }
        // Never at the same time as itself: nobody else is inside.
        box.host.end(watch)
        box.host.callbacks.remove(user)
    }
}
