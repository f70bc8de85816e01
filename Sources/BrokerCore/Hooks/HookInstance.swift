import Locking
public import PluginABI
import Synchronization

/// Hook calls of one hook that came to no verdict.
public struct HookFailures: Sendable, Equatable {
    /// How a call failed.
    public enum Kind: Sendable, CaseIterable {
        /// It answered HL_ERROR, or with a verdict the hook does not have.
        case error
        /// It did not answer in time.
        case late

        /// `error`, `late`
        public var word: String { self == .error ? "error" : "late" }
    }

    /// `HL_HOOK_*`
    public var hook: UInt32
    /// How they failed.
    public var kind: Kind
    /// How many.
    public var count: UInt64
}

/// A started instance of a plugin, as the hook chain knows it: made by the loader after `start` succeeded, kept alive
/// by every hook table and pending call that names it. Immutable but for its counters.
///
/// @unchecked Sendable: the pointers are never written through by the broker, and the loader frees what they point to
/// only after it has dropped this object; everything else is constant, atomic or locked.
public final class HookInstance: @unchecked Sendable {
    /// Number of the configured instance: the same in every generation, never 0. See `hl_msg.instance`.
    public let number: UInt64
    /// Its id in plugins.yaml.
    public let name: String
    /// Counts loads, from 1.
    public let generation: UInt32
    /// The plugin's end of the host.
    public let handle: UnsafeMutablePointer<hl_self>
    /// The shared state that `start` made.
    public let state: UnsafeMutableRawPointer?
    /// `hl_life.on_cancel`.
    public let onCancel: hl_cancel_fn?
    /// Runs work on a worker thread; false when the queue is full.
    let submit: @Sendable (@escaping @Sendable () -> Void) -> Bool
    /// What happened, on its way to the notify hooks of this instance.
    public let events: HookEventQueue

    /// Called on the event loop when a hook has turned out to do nothing but fail, or to work again; must not block.
    let turned: @Sendable (_ hook: UInt32, HookTurn) -> Void

    /// Calls that wait for this instance, or whose input it still holds.
    let pendingCount = Atomic<Int>(0)
    let idle: IdleSignal
    private let failureCount = Atomic<UInt64>(0)
    private let overrunCount = Atomic<UInt64>(0)
    /// By hook; what fails is slow anyway.
    private let failureKinds = Locked<[UInt32: (errors: UInt64, late: UInt64)]>([:])

    /// - Parameters:
    ///   - submit: hands work to a worker thread; false when its queue is full. [any] thread.
    ///   - events: bounds of what waits for the notify hooks; what is beyond is dropped and counted.
    ///   - eventsReady: called when the queue of events was empty and is not any more. [any] thread, must not block.
    ///   - turned: told when a hook does nothing but fail, see ``HookEntry/breaker``.
    public init(
        number: UInt64, name: String, generation: UInt32, handle: UnsafeMutablePointer<hl_self>,
        state: UnsafeMutableRawPointer?, onCancel: hl_cancel_fn?,
        submit: @escaping @Sendable (@escaping @Sendable () -> Void) -> Bool,
        events: HookEventQueue.Bounds = .init(), eventsReady: @escaping @Sendable () -> Void,
        turned: @escaping @Sendable (_ hook: UInt32, HookTurn) -> Void = { _, _ in }
    ) {
        precondition(number != 0, "instance number 0 means 'no plugin'")
        self.number = number
        self.name = name
        self.generation = generation
        self.handle = handle
        self.state = state
        self.onCancel = onCancel
        self.submit = submit
        self.turned = turned
        let idle = IdleSignal()
        self.idle = idle
        self.events = HookEventQueue(bounds: events, ready: eventsReady) { idle.raise() }
    }

    /// Hook calls that ended in an error, a missed deadline or a verdict the hook does not have.
    public var failures: UInt64 { failureCount.load(ordering: .relaxed) }

    /// Calls that wait for this instance, or whose input it still holds.
    public var pendingCalls: Int { pendingCount.load(ordering: .relaxed) }

    /// Calls on an event loop that took longer than the hook's deadline, of those that were looked at: one turn in a
    /// tenth of a second.
    public var overruns: UInt64 { overrunCount.load(ordering: .relaxed) }

    func countOverrun() { overrunCount.wrappingAdd(1, ordering: .relaxed) }

    /// Calls `body` on any thread, perhaps more often than needed, whenever the last pending call has ended or the last
    /// event was taken; nil ends that. It must not block.
    public func whenIdle(_ body: (@Sendable () -> Void)?) { idle.set(body) }

    /// The same by hook and kind, without those that are 0.
    public var failuresByHook: [HookFailures] {
        failureKinds.withLock { $0 }.sorted { $0.key < $1.key }.flatMap { hook, counts in
            [
                HookFailures(hook: hook, kind: .error, count: counts.errors),
                HookFailures(hook: hook, kind: .late, count: counts.late),
            ].filter { $0.count > 0 }
        }
    }

    func countFailure(of hook: UInt32, isLate: Bool = false) {
        failureCount.wrappingAdd(1, ordering: .relaxed)
        failureKinds.withLock { kinds in
            if isLate { kinds[hook, default: (0, 0)].late += 1 } else { kinds[hook, default: (0, 0)].errors += 1 }
        }
    }
}
