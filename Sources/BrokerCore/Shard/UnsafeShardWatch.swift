public import PluginABI

extension Shard {
    /// Where the call of a plugin is that this shard's thread is in, for a watchdog on another thread. Memory of the
    /// shard.
    public var runningCall: UnsafePointer<UnsafeMutablePointer<hl_call>?> { hooks.runningCall }
}
