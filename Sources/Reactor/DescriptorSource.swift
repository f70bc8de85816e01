import Glibc

/// Something beside streams that a loop waits for: signals, file changes. Every call is made on the loop's thread.
public protocol DescriptorSource: AnyObject {
    /// Readable when there is something to do.
    var descriptor: Int32 { get }
    /// The descriptor is readable; take everything from it.
    func ready(now: Int64)
    /// When `expire` is to be called, CLOCK_MONOTONIC in nanoseconds; nil for not at all.
    var nextDeadline: Int64? { get }
    /// The deadline has passed; a new one is later than `now`.
    func expire(now: Int64)
}

extension DescriptorSource {
    /// Nil: the source has no deadlines.
    public var nextDeadline: Int64? { nil }

    /// Nothing.
    public func expire(now: Int64) {}
}

extension EventLoop {
    /// Serves a source on this loop until it is removed or the loop ends.
    public func add(_ source: any DescriptorSource) throws(SystemError) {
        assertOnLoop()
        let position = sources.firstIndex { $0 == nil } ?? sources.count
        let code = epoll.add(source.descriptor, Epoll.readable, token: Token.source(position))
        guard code == 0 else { throw SystemError(code: code, call: "epoll_ctl") }
        if position == sources.count { sources.append(source) } else { sources[position] = source }
    }

    /// Serves a source no more.
    public func remove(_ source: any DescriptorSource) {
        assertOnLoop()
        for position in sources.indices where sources[position] === source {
            epoll.remove(source.descriptor)
            sources[position] = nil
        }
    }

    func sourceEvent(_ position: Int) {
        guard sources.indices.contains(position), let source = sources[position] else { return }
        source.ready(now: now)
    }

    func nextSourceDeadline() -> Int64 {
        sources.reduce(.max) { min($0, $1?.nextDeadline ?? .max) }
    }

    func expireSources() {
        for case let source? in sources {
            if let deadline = source.nextDeadline, deadline <= now { source.expire(now: now) }
        }
    }
}
