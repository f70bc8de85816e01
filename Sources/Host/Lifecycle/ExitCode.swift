/// How the process ends; scripts and systemd test for these.
public enum ExitCode {
    /// Done, also when a stop cut off connections that did not end in time.
    public static let done: Int32 = 0
    /// Something failed while running or starting.
    public static let failure: Int32 = 1
    /// The command line was not understood.
    public static let usage: Int32 = 2
    /// The configuration is wrong (`EX_CONFIG` of sysexits.h); systemd does not restart on it.
    public static let badConfiguration: Int32 = 78
}
