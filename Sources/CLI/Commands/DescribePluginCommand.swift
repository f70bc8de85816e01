import ArgumentParser
import Configuration
import Glibc
import PluginFile

/// `hookline plugins describe`
struct DescribePluginCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Say what a plugin's file is, without running any code of it.",
        discussion: "Reads the note that HL_PLUGIN leaves in the file. Exit code 78 when it is no plugin for this "
            + "machine.")

    @Argument(help: "The shared object.")
    var file: String

    @Flag(name: .long, help: "Print one line of JSON.")
    var json = false

    func run() throws {
        let bytes = try read()
        let found: ELFFile.Note?
        do throws(ELFFile.Problem) {
            found = try ELFFile(bytes).note
        } catch {
            throw end(ToolExit.badConfiguration, "\(file) \(error.words)")
        }
        guard let note = found else {
            throw end(
                ToolExit.badConfiguration,
                "\(file) has no Hookline note, so only running it would tell what it is; end one source file with "
                    + "HL_PLUGIN(...) or HL_PLUGIN_NOTE(...)")
        }
        let members = Self.members(note)
        print(
            json ? JSONText.object(members).rendered + "\n" : ControlAnswer.done(members).table, terminator: "")
    }

    static func members(_ note: ELFFile.Note) -> [(key: String, value: JSONText)] {
        [
            ("id", .string(note.id)), ("version", .string(note.version)),
            ("abi", .string("\(note.abiMajor).\(note.abiMinorRequired)")),
            ("flags", .array(PluginWords.flags(note.flags).map { .string($0) })),
            ("hooks", .array(note.hooks.map { .string(PluginWords.hook($0)) })),
        ]
    }

    private func read() throws -> [UInt8] {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw end(ToolExit.failure, "\(file): \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 1 << 16)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw end(ToolExit.failure, "\(file): \(String(cString: strerror(errno)))") }
            if count == 0 { return bytes }
            bytes += chunk.prefix(count)
        }
    }
}
