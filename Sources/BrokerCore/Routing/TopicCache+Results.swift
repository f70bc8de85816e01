/// A match result that is freed when the turn is over.
struct RetiredResult: BitwiseCopyable {
    let result: UnsafeMutablePointer<MatchResult>
    /// The entry that still shows it: the result was too large to be kept for longer.
    let entry: UnsafeMutablePointer<TopicEntry>?
}

extension TopicCache {
    private static let slotsPerReclaim = 128

    /// Gives an entry a new result, valid at `stamp`. The old one lives until the turn is over.
    func setResult(
        _ result: UnsafeMutablePointer<MatchResult>, stamp: UInt64, of entry: UnsafeMutablePointer<TopicEntry>
    ) {
        dropResult(of: entry)
        entry.pointee.match = result
        entry.pointee.matchStamp = stamp
        // Keeps the entry for the turn, also when the caller holds it by a pin.
        entry.pointee.lastTurn = state.pointee.turn
        let bytes = result.pointee.allocatedBytes
        guard bytes > 0 else { return }
        if state.pointee.resultBytes + bytes > state.pointee.maximumResultBytes { reclaimResults() }
        if state.pointee.resultBytes + bytes > state.pointee.maximumResultBytes {
            result.pointee.isTransient = true
            state.pointee.retired.append(RetiredResult(result: result, entry: entry))
        } else {
            state.pointee.resultBytes += bytes
        }
    }

    /// Takes the result from an entry; its memory lives until the turn is over.
    func dropResult(of entry: UnsafeMutablePointer<TopicEntry>) {
        guard let result = entry.pointee.match else { return }
        entry.pointee.match = nil
        entry.pointee.matchStamp = 0
        guard result.pointee.allocatedBytes > 0, !result.pointee.isTransient else { return }
        state.pointee.resultBytes -= result.pointee.allocatedBytes
        state.pointee.retired.append(RetiredResult(result: result, entry: nil))
    }

    func freeRetiredResults() {
        while let retired = state.pointee.retired.popLast() {
            if let entry = retired.entry, entry.pointee.match == retired.result {
                entry.pointee.match = nil
                entry.pointee.matchStamp = 0
            }
            MatchResult.free(retired.result)
        }
    }

    /// Drops results nobody has asked for since the hand's last visit, over a bounded number of slots.
    private func reclaimResults() {
        for _ in 0..<Self.slotsPerReclaim {
            let slot = state.pointee.resultHand & (state.pointee.table.capacity - 1)
            state.pointee.resultHand = slot + 1
            guard let entry = state.pointee.table.element(at: slot), !isInUse(entry) else { continue }
            if entry.pointee.seenTurn == entry.pointee.lastTurn {
                dropResult(of: entry)
            } else {
                entry.pointee.seenTurn = entry.pointee.lastTurn
            }
        }
    }
}
