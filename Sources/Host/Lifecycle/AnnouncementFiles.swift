import Configuration
import Glibc

/// The files that tell others about this process: `--ports-file` and `--pid-file`.
struct AnnouncementFiles: Sendable {
    private let ports: PortsFile?
    private let processFile: String?

    init(_ options: ServeOptions) {
        ports = options.portsFile.map { PortsFile(destination: .init(option: $0)) }
        processFile = options.pidFile
    }

    /// Whether standard output carries the ports instead of lines for people.
    var isOnStandardOutput: Bool { ports?.destination == .standardOutput }

    /// Tells that everything is open.
    func write(_ listeners: [OpenListener], plugins: [PluginStatus] = []) throws(OperationError) {
        if let processFile { try SmallFile.replace(processFile, with: "\(getpid())\n") }
        try ports?.write(listeners, plugins: plugins, version: HooklineVersion.text)
    }

    /// Removes what an earlier run left behind.
    func removePorts() { ports?.remove() }

    /// Removes what ``write(_:)`` wrote.
    func remove() {
        ports?.remove()
        // Another broker may have written its own over ours.
        if let processFile, SmallFile.readText(processFile) == "\(getpid())" { unlink(processFile) }
    }
}
