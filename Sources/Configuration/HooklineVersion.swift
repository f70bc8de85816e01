/// The version, in one place for host and tool.
public enum HooklineVersion {
    /// Semantic version.
    public static let text = "0.1.0"
}
