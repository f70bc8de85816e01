// HOT PATH: a message of a client is completed in place; everything else is copied to be lent.
import PluginABI

/// What plugins see of clients and messages.
extension Shard {
    /// Which registrations look at this topic; computed once per topic and hook table.
    @inline(__always)
    func interest(_ entry: UnsafeMutablePointer<TopicEntry>) -> UInt64 {
        guard state.pointee.hooksHaveTopics else { return .max }
        let generation = state.pointee.hookGeneration
        if entry.pointee.hookGeneration != generation {
            entry.pointee.hookMask = hooks.interestMask(topic: entry.topic)
            entry.pointee.hookGeneration = generation
        }
        return entry.pointee.hookMask
    }

    /// The connection's client struct, made on first use.
    func client(_ connection: ConnectionRef) -> PluginClient {
        let extras = connection.extras
        if let client = extras.pluginClient { return client }
        let client = PluginClient(
            extras.identity, connection: connection.pointee.id, protocolLevel: connection.pointee.version.rawValue,
            isAnonymous: extras.identity.username.isEmpty)
        extras.pluginClient = client
        connection.pointee.pluginClient = client.pointer
        return client
    }

    /// As ``client(_:)``, borrowed from the connection without a reference count.
    @inline(__always)
    func pluginClient(_ connection: ConnectionRef) -> UnsafePointer<hl_client> {
        connection.pointee.pluginClient ?? client(connection).pointer
    }

    /// Who stands behind a connection has changed: plugins see the new identity from here on.
    func identityChanged(_ connection: ConnectionRef) {
        connection.extras.pluginClient = nil
        connection.pointee.pluginClient = nil
    }

    /// Completes what plugins see of a message of a client: laid out once for all of its hooks.
    @inline(__always)
    func introduce(_ message: PublishedRef, _ connection: ConnectionRef) {
        message.pointee.view.id = state.pointee.makeMessageID()
        message.pointee.view.publisher = pluginClient(connection)
    }

    /// Lends a copy of `message` to plugins, with what it lacks.
    func withPluginMessage<Result>(
        _ message: PublishedMessage, _ publisher: UnsafePointer<hl_client>?, _ packetID: UInt16,
        _ body: (UnsafePointer<hl_msg>) -> Result
    ) -> Result {
        var view = message.view
        if view.id == 0 { view.id = state.pointee.makeMessageID() }
        if view.received == 0 { view.received = state.pointee.arrival == 0 ? now : state.pointee.arrival }
        if let publisher {
            view.publisher = publisher
            view.packet_id = UInt32(packetID)
        }
        return withUnsafePointer(to: &view) { body($0) }
    }
}
