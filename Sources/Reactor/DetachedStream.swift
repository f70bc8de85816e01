import Glibc

/// A stream on its way from one loop to another: descriptor, filter and what was pending.
///
/// Made by `EventLoop.detach`, taken by `EventLoop.adopt` of any loop, once. One that is dropped instead closes its
/// descriptor.
public final class DetachedStream: @unchecked Sendable {
    // Safe to send: nothing refers to the contents but this object, and the hand-over between the two threads (a
    // mailbox) orders the accesses. A filter is used by one loop at a time.
    var descriptor: Int32
    var filter: Unmanaged<StreamFilter>?
    let flags: StreamFlags
    let writeError: Int32

    init(of record: StreamRecord) {
        descriptor = record.descriptor
        filter = record.filter
        flags = record.flags
        writeError = record.writeError
    }

    deinit {
        if descriptor >= 0 { _ = close(descriptor) }
        filter?.release()
    }
}
