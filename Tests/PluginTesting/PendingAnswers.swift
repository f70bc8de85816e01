internal import Glibc
internal import PluginABI

/// Answers of calls that pend, as the threads of a plugin give them.
///
/// @unchecked Sendable: everything is touched under the mutex.
final class PendingAnswers: @unchecked Sendable {
    private var next: UInt64 = 1
    private var isOpen: Set<UInt64> = []
    private var answers: [UInt64: Answer] = [:]
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let changed = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    /// Seconds after which a test gives up.
    private static let patience = 60

    init() {
        pthread_mutex_init(mutex, nil)
        pthread_cond_init(changed, nil)
    }

    deinit {
        pthread_cond_destroy(changed)
        pthread_mutex_destroy(mutex)
        changed.deallocate()
        mutex.deallocate()
    }

    func open() -> UInt64 {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        next += 1
        isOpen.insert(next)
        return next
    }

    /// What core/1 `complete` does: any thread.
    func complete(_ token: UInt64, _ verdict: hl_verdict, _ raw: hl_answer) -> hl_status {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        guard isOpen.remove(token) != nil else {
            answers[token]?.completions += 1
            return HL_STALE
        }
        var answer = Answer()
        answer.verdict = verdict
        answer.completions = 1
        if raw.flags & HL_ANSWER_REASON != 0 { answer.reason = raw.reason_code }
        if raw.flags & HL_ANSWER_RULE != 0 { answer.rule = raw.rule.text }
        if raw.flags & HL_ANSWER_IDENTITY != 0 {
            answer.identity = raw.username.text
            answer.account = raw.account.text
            answer.groups = UnsafeBufferPointer(start: raw.groups, count: Int(raw.group_count)).map(\.text)
        }
        if raw.flags & HL_ANSWER_DATA != 0 { answer.data = Array(raw.data.bytes) }
        if raw.flags & HL_ANSWER_MEMO != 0 { answer.memo = Array(raw.memo.bytes) }
        if raw.flags & HL_ANSWER_EXPIRES_AT != 0 { answer.expiresAt = raw.expires_at }
        answers[token] = answer
        pthread_cond_broadcast(changed)
        return HL_OK
    }

    /// Waits for the answer; what it was before when none comes.
    func wait(for token: UInt64, _ none: Answer) -> Answer {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += Self.patience
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while answers[token] == nil {
            guard pthread_cond_timedwait(changed, mutex, &deadline) == 0 else { return none }
        }
        return answers[token] ?? none
    }
}
