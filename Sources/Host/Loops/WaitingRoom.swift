import Reactor

/// Connections of one loop that came faster than their address may, in the order in which they are admitted. Nothing
/// is read from them meanwhile and no layer is set up: one costs a descriptor and an entry here.
///
/// Bounded by the gate, which counts over all loops.
struct WaitingRoom {
    struct Entry: Equatable {
        /// Host clock, ns.
        var admittedAt: Int64
        var stream: StreamID
        var listener: Int
        var peer: SocketAddress
    }

    /// Ascending by time; a ring would save little, as almost every entry is appended at the end.
    private var entries: [Entry] = []
    /// Entries before it were admitted.
    private var first = 0

    var isEmpty: Bool { first == entries.count }

    /// When the next one is admitted.
    var nextDeadline: Int64? { isEmpty ? nil : entries[first].admittedAt }

    mutating func add(_ entry: Entry) {
        var position = entries.count
        while position > first, entries[position - 1].admittedAt > entry.admittedAt { position -= 1 }
        entries.insert(entry, at: position)
    }

    /// The next one whose time has come.
    mutating func takeDue(now: Int64) -> Entry? {
        guard !isEmpty, entries[first].admittedAt <= now else { return nil }
        defer {
            first += 1
            // Half of it is the past: make room, at a cost that each entry pays once.
            if first * 2 > entries.count {
                entries.removeFirst(first)
                first = 0
            }
        }
        return entries[first]
    }

    /// Takes a stream out; false when it does not wait.
    mutating func remove(_ stream: StreamID) -> Bool {
        guard let position = entries[first...].firstIndex(where: { $0.stream == stream }) else { return false }
        entries.remove(at: position)
        return true
    }

    /// Takes everybody out.
    mutating func removeAll() -> [Entry] {
        defer {
            entries = []
            first = 0
        }
        return Array(entries[first...])
    }
}
