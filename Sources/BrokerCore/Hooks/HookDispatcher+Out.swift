import PluginABI

/// What msg.out wants for one receiver of a batch. The views are valid until the next call of the dispatcher.
struct OutgoingEdit {
    /// Index in the batch.
    let receiver: Int
    /// HL_ANSWER_*: which of the fields count.
    let answer: hl_answer
}

extension HookDispatcher {
    /// msg.out for receivers that are online and may have the message. Never pends.
    /// - Parameters:
    ///   - drop: one bit per receiver, cleared by the caller; set for those who do not get the message.
    /// - Returns: edits, at most one per receiver.
    func msgOut(
        _ msg: UnsafePointer<hl_msg>, _ receivers: UnsafeBufferPointer<hl_receiver>,
        drop: UnsafeMutablePointer<UInt64>, mask: UInt64, now: Int64
    ) -> [OutgoingEdit] {
        precondition(receivers.count <= HookDispatcher.maximumBatch, "send in batches of maximumBatch receivers")
        begin()
        let words = (receivers.count + 63) / 64
        let facts = HookFacts(msg, mask: mask)
        var edits = EditSelection()
        beginCalls()
        defer { endCalls() }
        withUnsafeTemporaryAllocation(of: UInt64.self, capacity: max(words * 2, 1)) { scratch in
            guard let own = scratch.baseAddress else { return }
            var delivery = hl_delivery()
            delivery.struct_size = UInt32(MemoryLayout<hl_delivery>.size)
            delivery.msg = msg
            delivery.receivers = receivers.baseAddress
            delivery.receiver_count = UInt32(receivers.count)
            delivery.receiver_stride = UInt32(MemoryLayout<hl_receiver>.stride)
            delivery.deny = own
            delivery.allow = own + words
            for slot in compiled.chain(HL_HOOK_MSG_OUT).slots where slot.isInterested(facts) {
                own.initialize(repeating: 0, count: words * 2)
                frame.selection = edits
                frame.selection.count = UInt32(receivers.count)
                let verdict = withUnsafePointer(to: delivery) { pointer in
                    prepareCall(slot, HL_HOOK_MSG_OUT, UnsafeRawPointer(pointer), now: now)
                    frame.answer = edits.all
                    return slot.function(slot.state, frame.call, UnsafeRawPointer(pointer))
                }
                switch verdict {
                case HL_ABSTAIN, HL_REPLACE:
                    for word in 0..<words { drop[word] |= own[word] }
                    guard verdict == HL_REPLACE, !frame.arena.hasFailed else { break }
                    frame.select(HL_ALL_RECEIVERS)
                    edits = frame.selection
                    edits.all = frame.answer
                case HL_DROP: for word in 0..<words { drop[word] = .max }
                default:
                    slot.instance._withUnsafeGuaranteedRef { $0.countFailure(of: HL_HOOK_MSG_OUT) }
                    if slot.onFailure == HL_DENY { for word in 0..<words { drop[word] = .max } }
                }
            }
        }
        return edits.list(receivers.count)
    }
}

/// The edits of a batch: one for all receivers, and those of receivers that were selected.
struct EditSelection {
    var all = hl_answer()
    var each: [UInt32: hl_answer] = [:]
    /// Whom the setters are about.
    var current = HL_ALL_RECEIVERS
    /// Receivers of the batch.
    var count: UInt32 = 0

    func list(_ count: Int) -> [OutgoingEdit] {
        if all.flags & EditSelection.edits == 0, each.isEmpty { return [] }
        return (0..<count).compactMap { index in
            let answer = each[UInt32(index)] ?? all
            return answer.flags & EditSelection.edits == 0 ? nil : OutgoingEdit(receiver: index, answer: answer)
        }
    }

    private static let edits =
        HL_ANSWER_TOPIC | HL_ANSWER_PAYLOAD | HL_ANSWER_PROPERTIES | HL_ANSWER_RETAIN | HL_ANSWER_EXPIRY | HL_ANSWER_QOS
}

extension HookCallFrame {
    /// msg.out: from here on the setters are about this receiver. False: there is none.
    @discardableResult
    func select(_ receiver: UInt32) -> Bool {
        guard receiver == HL_ALL_RECEIVERS || receiver < selection.count else { return false }
        if selection.current == HL_ALL_RECEIVERS {
            selection.all = answer
        } else {
            selection.each[selection.current] = answer
        }
        selection.current = receiver
        answer = receiver == HL_ALL_RECEIVERS ? selection.all : selection.each[receiver] ?? selection.all
        return true
    }
}
