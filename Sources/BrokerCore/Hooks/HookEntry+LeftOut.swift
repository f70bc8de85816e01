import PluginABI

extension HookEntry {
    /// The same entry without its plugin: a call comes to its failure verdict at once. For plugins that are in trouble;
    /// where none is, this costs nothing.
    public var leftOut: HookEntry {
        var entry = self
        let function: HookFunction = { _, _, _ in HL_ERROR }
        entry.function = unsafeBitCast(function, to: hl_hook_fn.self)
        entry.interest.mayPend = false
        entry.blocks = false
        entry.breaker = HookBreaker()
        return entry
    }
}
