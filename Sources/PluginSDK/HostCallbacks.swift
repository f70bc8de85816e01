internal import Locking

/// A closure of a plugin behind a bare pointer of the host.
final class Callback<Body>: Sendable where Body: Sendable {
    let body: Body

    init(_ body: Body) { self.body = body }

    /// The callback behind the pointer the host was given; its list keeps it alive.
    static func of(_ user: UnsafeMutableRawPointer?) -> Callback<Body>? {
        user.map { Unmanaged<Callback<Body>>.fromOpaque($0).takeUnretainedValue() }
    }
}

/// Callbacks the host holds bare pointers to, kept alive here: until they have been called for the last time, or as
/// long as the plugin.
final class CallbackList: Sendable {
    private let callbacks = Locked<[UInt: any Sendable & AnyObject]>([:])

    func add<Body: Sendable>(_ body: Body) -> UnsafeMutableRawPointer {
        let callback = Callback(body)
        let pointer = Unmanaged.passUnretained(callback).toOpaque()
        callbacks.withLock { $0[UInt(bitPattern: pointer)] = callback }
        return pointer
    }

    func remove(_ pointer: UnsafeMutableRawPointer?) {
        // The last reference ends outside the lock: what a closure holds may have a deinit of its own.
        _ = callbacks.withLock { $0.removeValue(forKey: UInt(bitPattern: pointer)) }
    }

    /// Lets go of everything; the host has no call left.
    func removeAll() {
        _ = callbacks.withLock { callbacks in
            let all = callbacks
            callbacks = [:]
            return all
        }
    }
}
