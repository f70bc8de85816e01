import Glibc
import StoreAccess

/// Holds a plugin against store/1 (services/store.h): what it answers, and what is left when the power fails.
///
/// Each part runs in a process of its own, which is this program with other arguments (``runPart(_:)``).
public struct StoreCheck: Sendable {
    /// The shared object.
    public var plugin: String
    /// Values of its settings.
    public var settings: [String: String] = [:]
    /// The library that cuts the power (Sources/PowerLoss); nil: those checks are left out, and named.
    public var powerLibrary: String?
    /// Sequences of batches whose power is cut at every flush.
    public var seeds: UInt64 = 3
    /// The first of them.
    public var firstSeed: UInt64 = 1
    /// Where folders are made.
    public var scratch: String
    /// Arguments by which this program comes to ``runPart(_:)``.
    public var childArguments: [String]
    /// Takes a line for people.
    public var print: @Sendable (String) -> Void

    /// A check of `plugin`.
    public init(
        plugin: String, scratch: String, childArguments: [String], print: @escaping @Sendable (String) -> Void
    ) {
        self.plugin = plugin
        self.scratch = scratch
        self.childArguments = childArguments
        self.print = print
    }

    /// What one process does.
    public struct Part: Sendable {
        /// `check` (a functional check), `write` (a workload) or `look` (at what is left).
        public var name: String
        /// Number of the check.
        public var index = 0
        /// Of the store.
        public var folder: String
        /// Of the workload.
        public var seed: UInt64 = 0

        /// A part that works in `folder`.
        public init(name: String, folder: String) {
            self.name = name
            self.folder = folder
        }
    }

    /// Everything. True when no rule is broken.
    public func run() throws -> Bool {
        guard mkdir(scratch, 0o700) == 0 else {
            throw StoreError(1, "cannot make \(scratch)", String(cString: strerror(errno)))
        }
        defer { rmdir(scratch) }
        var broken = 0
        for (index, check) in FunctionalChecks.all.enumerated() {
            let needsLibrary = check.name.contains("disk")
            if needsLibrary && powerLibrary == nil {
                print("left out: \(check.name) (no library that stands for the disk)")
                continue
            }
            if let problem = try functional(index, check.name) {
                broken += 1
                print("BROKEN: \(check.name): \(problem)")
            } else {
                print("holds: \(check.name)")
            }
        }
        guard powerLibrary != nil else {
            print("left out: loss of power")
            return broken == 0
        }
        for seed in firstSeed..<(firstSeed + seeds) { broken += try PowerChecks(self, seed).run() }
        print(broken == 0 ? "every rule holds" : "\(broken) rules are broken")
        return broken == 0
    }

    private func functional(_ index: Int, _ name: String) throws -> String? {
        let folder = try makeFolder("check-\(index)")
        defer { Self.remove(folder) }
        let process = try child("check", folder, ["--index", "\(index)"], environment: power(folder))
        switch process.end {
        case .exit(0): return nil
        case .exit: return process.text.isEmpty ? "the process ended without a word" : process.text
        case .signal(let number): return "the process was ended by signal \(number)"
        }
    }

    /// The disk of a folder: with `sync`, its power fails at that flush.
    func power(_ folder: String, sync: Int = 0, seed: UInt64 = 0) -> [String: String] {
        guard let powerLibrary else { return [:] }
        return [
            "LD_PRELOAD": powerLibrary, "HOOKLINE_POWER_FOLDER": folder, "HOOKLINE_POWER_SYNC": "\(sync)",
            "HOOKLINE_POWER_SEED": "\(seed)",
        ]
    }

    func child(
        _ part: String, _ folder: String, _ arguments: [String], environment: [String: String] = [:],
        killAfter: Int? = nil
    ) throws -> ChildProcess {
        var all = childArguments + [plugin, "--part", part, "--folder", folder] + arguments
        for (key, value) in settings { all += ["--set", "\(key)=\(value)"] }
        return try ChildProcess(all, environment: environment, killAfter: killAfter)
    }

    func makeFolder(_ name: String) throws -> String {
        let path = "\(scratch)/\(name)"
        guard mkdir(path, 0o700) == 0 else {
            throw StoreError(1, "cannot make \(path)", String(cString: strerror(errno)))
        }
        return path
    }

    /// Removes a folder and the files in it.
    static func remove(_ folder: String) {
        guard let directory = opendir(folder) else { return }
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            guard name != "." && name != ".." else { continue }
            if unlink("\(folder)/\(name)") != 0 { remove("\(folder)/\(name)") }
        }
        closedir(directory)
        rmdir(folder)
    }

    /// The work of a child.
    /// - Returns: its exit code; what is wrong stands on standard output.
    public func runPart(_ part: Part) -> Int32 {
        do {
            let loaded = try UnsafePluginFile(plugin, settings: settings)
            switch part.name {
            case "check":
                guard FunctionalChecks.all.indices.contains(part.index) else { return 2 }
                try FunctionalChecks.all[part.index].run(FunctionalChecks(plugin: loaded, folder: part.folder))
            case "write": try PowerParts(loaded, part).write()
            case "look": try PowerParts(loaded, part).look()
            default: return 2
            }
            loaded.stop()
            return 0
        } catch let error as BrokenRule {
            print(error.words)
        } catch {
            print("\(error)")
        }
        return 1
    }
}
