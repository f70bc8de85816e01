import Configuration
import Glibc

/// Tries new code in a process of its own before the broker maps it: this executable, started with the same arguments
/// and the same configuration, loads one file, takes it through its life and ends. A crash, a hang or a refusal there
/// costs nobody anything.
struct Preflight: Sendable {
    /// Usually `/proc/self/exe`: the program that runs, also when its file was replaced meanwhile.
    var executable = "/proc/self/exe"
    /// Of this process, without its name.
    var arguments: [String]
    /// Text of plugins.yaml; nil: there is none.
    var configuration: [UInt8]?
    /// What was changed at run time. It goes the way of the text, not of the arguments: everybody can read those.
    var overlay = RuntimeOverlay()

    /// Ends the text and begins the overlay.
    static let overlayMark = "\n#hookline-overlay\n"

    private static let maximumWords = 16 << 10

    /// - Returns: why the file is not fit, as the end of a sentence that begins with its name; nil: it is.
    func judge(
        _ id: String, _ file: StagedFile, depth: BrokerConfiguration.Reload.Preflight, timeout: Duration
    ) -> String? {
        guard depth != .none else { return nil }
        let text = file.path + ".yaml"
        defer { unlink(text) }
        do throws(OperationError) {
            let given = String(decoding: configuration ?? [], as: UTF8.self) + Self.overlayMark + overlay.fileText
            try SmallFile.replace(text, with: given, mode: 0o600)
        } catch {
            return "could not be tried: \(error)"
        }
        var pipe: [Int32] = [-1, -1]
        guard Glibc.pipe(&pipe) == 0 else { return "could not be tried: \(String(cString: strerror(errno)))" }
        for end in pipe { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(pipe[0]) }
        let words = ["hookline-host"] + arguments + ["--preflight", "\(id)=\(depth.rawValue):\(file.path)"]
        let child = ChildProcess.start(executable, words, input: text, output: pipe[1])
        close(pipe[1])
        guard let child else { return "could not be tried: no process could be started" }
        var report = Report()
        let deadline = monotonicNow() &+ timeout.nanoseconds
        let hasEnded = report.read(from: pipe[0], until: deadline)
        let end = child.wait(until: hasEnded ? deadline : 0)
        return report.verdict(end, timeout).map { $0.replacing(file.path, with: "it") }
    }

    /// What the child has said. A line that begins with `@` names the step it is about to take.
    private struct Report {
        private var bytes: [UInt8] = []

        /// True when the child has nothing more to say.
        mutating func read(from descriptor: Int32, until deadline: Int64) -> Bool {
            var chunk = [UInt8](repeating: 0, count: 4096)
            while true {
                var wanted = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                let left = deadline &- monotonicNow()
                guard left > 0 else { return false }
                if poll(&wanted, 1, Int32(clamping: (left + 999_999) / 1_000_000)) <= 0 { continue }
                let count = Glibc.read(descriptor, &chunk, chunk.count)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { return true }
                if bytes.count < Preflight.maximumWords { bytes += chunk[..<count] }
            }
        }

        func verdict(_ end: ChildProcess.End, _ timeout: Duration) -> String? {
            let lines = bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            let step = lines.last { $0.hasPrefix("@") }.map { $0.dropFirst() } ?? "loading"
            let reasons = lines.filter { !$0.hasPrefix("@") }
            switch end {
            case .exited(0): return nil
            case .signal(let signal):
                return "was refused in its trial: it crashed (\(ChildProcess.name(ofSignal: signal))) in \(step)"
            case .killed:
                return
                    "was refused in its trial: it did not come back from \(step) within \(DurationText.text(timeout))"
            case .exited(let code):
                guard !reasons.isEmpty else {
                    return "was refused in its trial: it ended the process (\(code)) in \(step)"
                }
                return "was refused in its trial: \(reasons.joined(separator: "; "))"
            }
        }
    }
}
