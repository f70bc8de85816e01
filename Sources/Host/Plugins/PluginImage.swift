import BrokerCore
import Glibc
import PluginABI
import PluginFile

/// A shared object that is mapped into the process. As a rule for good: unmapping code that threads, destructors or the
/// Swift runtime may still know of is never safe, so it takes a plugin without a runtime and an operator who says so.
struct PluginImage: Sendable {
    /// Why a file was not loaded, as a sentence.
    struct Problem: Error {
        let words: String
        /// Of the file that has the problem, when it is one of its content.
        var sha256: String?
    }

    /// The file as configured; what is mapped is a private copy of it.
    let path: String
    let description: PluginDescription
    /// The file has no `.note.hookline`: it cannot be described without running it.
    let hasNote: Bool
    /// SHA-256 of what is mapped; empty for plugins that are part of the executable.
    var sha256 = ""
    /// Where the entry function is: two generations never share it.
    var entryAddress: UInt = 0
    /// The file was not mapped: a stand-in of the broker's own runs in its place.
    var standsIn = false
    /// What `dlclose` wants; nil: it stays for ever.
    var handle: UInt?

    private static let runtimes = HL_RUNTIME_SWIFT | HL_RUNTIME_GO | HL_RUNTIME_OTHER

    /// Copies and maps a file in one go.
    static func load(_ path: String, staging: String, name: String) throws(Problem) -> PluginImage {
        try load(try StagedFile(path, in: staging, name: name))
    }

    /// Maps a staged file and asks its entry function.
    /// - Parameter mayUnload: the operator allows ``unload()``.
    static func load(_ file: StagedFile, mayUnload: Bool = false) throws(Problem) -> PluginImage {
        let path = file.source
        let flags = RTLD_NOW | RTLD_LOCAL | (mayUnload ? 0 : RTLD_NODELETE)
        guard let handle = dlopen(file.path, flags) else {
            let reason = dlerror().map { String(cString: $0) } ?? "unknown reason"
            // The private name means nothing to the reader.
            let words = "\(path) cannot be loaded: \(reason.replacing(file.path, with: path))"
            throw Problem(words: words + neighbour(path, reason), sha256: file.sha256)
        }
        file.trim()
        guard let symbol = dlsym(handle, HL_PLUGIN_ENTRY_NAME) else {
            throw Problem(words: entryMissing(path), sha256: file.sha256)
        }
        let entry = unsafeBitCast(symbol, to: hl_plugin_entry_fn.self)
        do throws(Problem) {
            var image = try describe(entry, path: path, note: file.note, settings: file.settings)
            image.sha256 = file.sha256
            image.entryAddress = UInt(bitPattern: symbol)
            guard mayUnload else { return image }
            guard image.description.flags & runtimes == 0 else {
                throw Problem(
                    words: "\(path) brings a runtime (Swift, Go or another), whose code can never leave the memory; "
                        + "take 'unload: allow' out of its entry")
            }
            image.handle = UInt(bitPattern: handle)
            return image
        } catch {
            throw Problem(words: error.words, sha256: file.sha256)
        }
    }

    /// What to do about a library that lies beside the plugin and is not found there: `$ORIGIN` is where the private
    /// copy is.
    private static func neighbour(_ path: String, _ reason: String) -> String {
        guard let slash = path.lastIndex(of: "/"), let missing = reason.split(separator: ":").first,
            !missing.contains("/"), access("\(path[..<slash])/\(missing)", F_OK) == 0
        else { return "" }
        return "; \(missing) lies beside it, but what is loaded is a private copy in another folder: link it "
            + "statically, or install it where the system's loader looks"
    }

    /// Unmaps the code. Nobody may call it, or return into it, any more.
    func unload() {
        guard let handle, let loaded = UnsafeMutableRawPointer(bitPattern: handle) else { return }
        dlclose(loaded)
    }

    static func entryMissing(_ path: String) -> String {
        "entry \(HL_PLUGIN_ENTRY_NAME) not found in \(path); end one source file with HL_PLUGIN(...) and build with "
            + "the headers of `pkg-config hookline` (plugin ABI \(PluginDescription.hostABI))"
    }

    /// Asks the entry function of a mapped file, or of a plugin that is part of the executable.
    static func describe(
        _ entry: hl_plugin_entry_fn, path: String, note: ELFFile.Note? = nil, settings: [ELFFile.Setting]? = nil
    ) throws(Problem) -> PluginImage {
        guard let raw = HostProbe.with({ entry($0) }) else {
            throw Problem(words: "\(path) does not accept this broker (plugin ABI \(PluginDescription.hostABI))")
        }
        do throws(PluginDescription.Problem) {
            let description = try PluginDescription(raw)
            if let note, note.id != description.id || note.flags != description.flags {
                throw .init(
                    words: "contradicts itself: its note says \(note.id) (flags \(note.flags)), its description "
                        + "\(description.id) (flags \(description.flags)); rebuild it")
            }
            if let settings, try PluginDescription.keys(settings) != description.keys {
                throw .init(
                    words: "contradicts itself: the settings in its section \(HL_KEYS_SECTION) are others than those "
                        + "of its description; give the same to HL_PLUGIN_KEYS(...)")
            }
            return PluginImage(path: path, description: description, hasNote: note != nil)
        } catch {
            throw Problem(words: "\(path) \(error.words)")
        }
    }
}

extension String {
    /// All occurrences of a text replaced by another.
    fileprivate func replacing(_ old: String, with new: String) -> String {
        var rest = self[...]
        var result = ""
        while let range = rest.firstRange(of: old) {
            result += rest[..<range.lowerBound] + new
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}
