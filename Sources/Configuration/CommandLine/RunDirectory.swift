/// Where a running broker keeps its control socket; one rule for the host, which makes it, and the tool, which
/// looks for it. The folder has mode 0700, the socket 0600.
public enum RunDirectory {
    /// Name of the control socket in the run directory.
    public static let controlSocketName = "control.sock"

    /// Absolute path of the run directory of a broker with this `data_dir` (absolute, or empty for memory only).
    ///
    /// `<data_dir>/run`; without one `$XDG_RUNTIME_DIR/hookline`, `/run/hookline` for root, or `/tmp/hookline-<uid>`.
    /// A broker started with `--ephemeral` has none: many of them run side by side.
    public static func path(
        dataDirectory: String, environment: [String: String], userID: UInt32
    ) -> String {
        if !dataDirectory.isEmpty { return dataDirectory + "/run" }
        if let runtime = environment["XDG_RUNTIME_DIR"], runtime.hasPrefix("/") { return runtime + "/hookline" }
        if userID == 0 { return "/run/hookline" }
        return "/tmp/hookline-\(userID)"
    }

    /// Path of the control socket in a run directory.
    public static func controlSocket(in runDirectory: String) -> String {
        "\(runDirectory)/\(controlSocketName)"
    }
}

extension RunDirectory {
    /// The run directory of the broker that was, or would be, started with these options.
    ///
    /// Asks the configuration for `data_dir` only: a file that is otherwise wrong (the reason, perhaps, why somebody
    /// wants to stop the broker) still tells where the broker is.
    public static func locate(
        _ options: ServeOptions, environment: [String: String] = ProcessEnvironment.current(), userID: UInt32
    ) -> String {
        path(
            dataDirectory: ServerConfiguration.dataDirectory(options, environment: environment),
            environment: environment, userID: userID)
    }
}
