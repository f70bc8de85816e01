/// The base class of a plugin. Override the hooks that matter, ask for them in `start`, and export the class with
/// `PluginExport`.
///
/// Threads: the hooks of a plugin run on all event loops at once, over this one object. Keep what they read immutable,
/// or behind `Replaceable`, `Atomic` or a lock, or make one object per event loop (`startShard`); do not block. A
/// `...Deferred` method runs on a worker thread and may block. A change of the settings makes a new object; the old one
/// is stopped afterwards.
///
/// A plugin never traps on what comes from outside: it shares its process with every connection.
open class Plugin {
    /// The broker, as this instance sees it.
    public let host: PluginHost

    /// Reads and checks the settings. No effect on the outside yet.
    /// - Throws: what is wrong with the settings, all of it at once.
    public required init(host: PluginHost, configuration: Configuration) throws(PluginFailure) {
        self.host = host
    }

    /// For what `startShard` makes.
    public init(host: PluginHost) {
        self.host = host
    }

    /// What the plugin is, for the host and for people; the same every time.
    open class var description: PluginDescription {
        preconditionFailure("a plugin overrides 'class var description'")
    }

    /// Asks for hooks with `PluginHost.register`, sets timers and watches. When it throws, the host takes all of it
    /// back.
    open func start() throws(PluginFailure) {}

    /// Reads and checks other settings while the old ones are in use, without any effect: they may never come into
    /// use. Only with `PluginDescription.takesNewSettings`. A worker thread.
    /// - Returns: what `commit` needs.
    /// - Throws: what is wrong with the settings, all of it at once.
    open func prepare(_ configuration: Configuration) throws(PluginFailure) -> AnyObject {
        throw .failed("the plugin says that it takes new settings, but does not override 'prepare'")
    }

    /// Takes what `prepare` made into use: fast, and without a way to fail.
    open func commit(_ prepared: AnyObject) {}

    /// Makes what the hooks of one event loop run on, so that they need no lock (`PluginDescription.hasStatePerLoop`):
    /// an object of this class or of another one, made with `init(host:)`. Notify hooks, deferred calls and the steps
    /// of life stay with this one. After `start`, once per event loop.
    open func startShard(_ shard: Int) throws(PluginFailure) -> Plugin {
        throw .failed("the plugin says that it has a state per event loop, but does not override 'startShard'")
    }

    /// Its event loop calls no hook of `plugin` any more; before `stop`.
    open func stopShard(_ shard: Int, _ plugin: Plugin) {}

    /// No new call of a hook comes; those that wait are to be answered.
    open func drain() {}

    /// No call runs any more, and none will come.
    open func stop() {}

    /// Nobody waits for this call any more: the client left, or the deadline passed. Work on it may be cut short, but
    /// ends in an answer all the same: only then does the host let go of what belongs to the call. On an event loop.
    open func cancelled(token: UInt64) {}

    /// May this client come in?
    open func authConnect(_ call: borrowing ConnectCall) -> AccessVerdict { .abstain }
    /// Answers what `authConnect` deferred.
    open func authConnectDeferred(_ call: borrowing ConnectCall) -> AccessVerdict { .error }

    /// What about this step of an enhanced authentication?
    open func authExchange(_ call: borrowing ExchangeCall) -> ExchangeVerdict { .abstain }
    /// Answers what `authExchange` deferred.
    open func authExchangeDeferred(_ call: borrowing ExchangeCall) -> ExchangeVerdict { .error }

    /// May this client have this subscription?
    open func aclSubscribe(_ call: borrowing SubscribeCall) -> AccessVerdict { .abstain }
    /// Answers what `aclSubscribe` deferred.
    open func aclSubscribeDeferred(_ call: borrowing SubscribeCall) -> AccessVerdict { .error }

    /// May this message be published?
    open func aclPublish(_ call: borrowing PublishCall) -> AccessVerdict { .abstain }

    /// Who of these may be sent this message?
    open func aclDeliver(_ call: borrowing DeliveryCall) -> AccessVerdict { .abstain }

    /// What becomes of this message?
    open func messageIn(_ call: borrowing MessageCall) -> MessageVerdict { .pass }
    /// Answers what `messageIn` deferred.
    open func messageInDeferred(_ call: borrowing MessageCall) -> MessageVerdict { .error }

    /// May this connection come in at all?
    open func connectionAccept(_ call: borrowing AcceptCall) -> AccessVerdict { .abstain }
    /// Which pre-shared key belongs to this identity?
    open func tlsPreSharedKey(_ call: borrowing KeyCall) -> AccessVerdict { .abstain }
    /// What about this client certificate?
    open func tlsPeer(_ call: borrowing PeerCall) -> AccessVerdict { .abstain }
    /// May this client have a session, and with which limits?
    open func sessionOpen(_ call: borrowing SessionCall) -> AccessVerdict { .abstain }
    /// Keeps a message before its client is told that it was received: allow says that it is durable. A worker thread,
    /// which may block; several calls may run at once.
    open func messageStore(_ call: borrowing MessageCall) -> AccessVerdict { .abstain }
    /// Who gets this message beside, or in spite of, the subscriptions?
    open func messageRoute(_ call: borrowing RouteCall) -> RouteVerdict { .pass }
    /// What do these receivers get of this message?
    open func messageOut(_ call: borrowing OutgoingCall) -> MessageVerdict { .pass }
    /// What becomes of this will?
    open func willPublish(_ call: borrowing MessageCall) -> MessageVerdict { .pass }
    /// What is kept of this message for later subscribers?
    open func retainSet(_ call: borrowing MessageCall) -> MessageVerdict { .pass }
    /// What does a new subscriber get of this retained message?
    open func retainGet(_ call: borrowing RetainedCall) -> MessageVerdict { .pass }

    /// Something has happened. A worker thread, one call at a time.
    open func notify(_ call: borrowing EventCall) {}
}

/// Why a plugin does not start.
public enum PluginFailure: Error {
    /// A sentence for the log.
    case failed(String)
    /// Settings the plugin cannot work with.
    case refused([ConfigurationFault])
}
