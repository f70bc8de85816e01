import Locking

/// Messages from any thread to one loop: posted under a lock, drained by the loop's thread in `woken`.
public final class Mailbox<Message: Sendable>: Sendable {
    private let messages = Locked<[Message]>([])
    private let capacity: Int
    private let loop: EventLoop

    /// - Parameters:
    ///   - loop: woken by every `post`.
    ///   - capacity: number of messages that may wait; at the bound `post` refuses.
    public init(wakes loop: EventLoop, capacity: Int) {
        self.loop = loop
        self.capacity = capacity
    }

    /// Leaves a message and wakes the loop. Any thread.
    /// - Returns: false when the mailbox is full: the message was not taken.
    public func post(_ message: consuming sending Message) -> Bool {
        let message = message
        let isTaken = messages.withLock { waiting in
            guard waiting.count < capacity else { return false }
            waiting.append(message)
            return true
        }
        if isTaken { loop.wake() }
        return isTaken
    }

    /// Moves what waits to the end of `drained`, oldest first. When `drained` is empty the two arrays change places,
    /// so that neither is allocated anew on every turn.
    public func drain(into drained: inout [Message]) {
        messages.withLock { waiting in
            if drained.isEmpty {
                swap(&drained, &waiting)
            } else {
                drained.append(contentsOf: waiting)
                waiting.removeAll(keepingCapacity: true)
            }
        }
    }
}
