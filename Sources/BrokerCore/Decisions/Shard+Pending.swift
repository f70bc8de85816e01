import MQTTCodec
import Timing

/// Hooks that answer later: the connection waits, everything else goes on, order is kept.
extension Shard {
    /// Parks the connection until `token` is completed or its deadline passes.
    func park(_ connection: ConnectionRef, token: UInt64, deadline: Int64, _ work: PendingStage.Work) {
        connection.pointee.flags.insert(.hookPending)
        connection.extras.pending = PendingStage(token: token, work: work)
        pendingConnections[token] = connection.pointee.handle
        pendingTimers[token] = wheel.schedule(at: deadline, kind: TimerKind.hookDeadline.rawValue, payload: token)
    }

    /// Answers that are acted on in one go. The others come in the next turns, so that a thousand log-ins that are
    /// refused together hold up nobody's messages.
    private static var answersAtOnce: Int { 32 }

    /// Goes on with connections for which plugins have answered.
    func takeAnswers() {
        let tokens = shared.pendingHooks[index].takeCompletions(most: Self.answersAtOnce)
        answersGoOn = tokens.count == Self.answersAtOnce
        for token in tokens { hookCompleted(token) }
    }

    /// A plugin has answered.
    private func hookCompleted(_ token: UInt64) { continueWork(token) { $0.hooks.resume(token, now: $0.now) } }

    /// A plugin has not answered in time: its failure verdict counts.
    func hookExpired(_ token: UInt64) { continueWork(token) { $0.hooks.expire(token, now: $0.now) } }

    private func continueWork(_ token: UInt64, _ answer: (Shard) -> HookOutcome?) {
        if !detachedWork.isEmpty, continueDetached(token, answer) { return }
        guard let handle = pendingConnections.removeValue(forKey: token),
            let connection = state.pointee.connections.find(handle), let stage = connection.extras.pending
        else { return }
        guard let outcome = answer(self) else {
            pendingConnections[token] = handle
            return
        }
        if let timer = pendingTimers.removeValue(forKey: token) { _ = wheel.cancel(timer) }
        connection.extras.pending = nil
        connection.pointee.flags.remove(.hookPending)
        resume(connection, stage.work, outcome)
        if connection.pointee.phase != .closed { resumeInput(connection) }
    }

    private func resume(_ connection: ConnectionRef, _ work: PendingStage.Work, _ outcome: HookOutcome) {
        switch work {
        case .connect(let connect):
            concludeConnect(connection, connect, outcome)
        case .exchange: concludeExchange(connection, outcome)
        case .peer: concludePeer(connection, outcome)
        case .will(let connect): concludeWill(connection, connect, outcome)
        case .session(let connect): concludeSession(connection, connect, outcome)
        case .publish(let held): concludePublish(connection, held, outcome)
        case .edited(let message, let packetID): concludeEdited(connection, message, packetID, outcome)
        case .subscribe(let progress):
            progress.answer = concludeSubscribe(connection, progress, outcome)
            if case .pending? = progress.answer {
                progress.answer = nil
                return
            }
            subscribe(connection, progress)
        }
    }

    /// The connection is gone: the plugin is told, its answer will not count.
    func cancelPending(_ stage: PendingStage) {
        pendingConnections[stage.token] = nil
        if let timer = pendingTimers.removeValue(forKey: stage.token) { _ = wheel.cancel(timer) }
        hooks.cancel(stage.token)
    }
}
