import ArgumentParser
import Configuration
import PluginABI
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
        let bytes = try WholeFile.read(file)
        let parsed: ELFFile
        do throws(ELFFile.Problem) {
            parsed = try ELFFile(bytes)
        } catch {
            throw end(ToolExit.badConfiguration, "\(file) \(error.words)")
        }
        guard let note = parsed.note else {
            throw end(
                ToolExit.badConfiguration,
                "\(file) has no Hookline note, so only running it would tell what it is; end one source file with "
                    + "HL_PLUGIN(...) or HL_PLUGIN_NOTE(...)")
        }
        let members = Self.members(note) + [("settings", Self.settings(parsed.settings))]
        print(
            json ? JSONText.object(members).rendered + "\n" : ControlAnswer.done(members).table, terminator: "")
    }

    /// What may stand under `config`; null: only running it would tell.
    static func settings(_ settings: [ELFFile.Setting]?) -> JSONText {
        guard let settings else { return .null }
        return .array(
            settings.map { setting in
                let type = DeclaredKey.ValueType(rawValue: setting.type & UInt64(HL_TYPE_MASK))
                return [
                    "name": .string(setting.name), "type": .string(type?.name ?? "type \(setting.type)"),
                    "required": .boolean(setting.type & UInt64(HL_REQUIRED) != 0),
                    "default": setting.defaultText.map { .string($0) } ?? .null, "help": .string(setting.help),
                ]
            })
    }

    static func members(_ note: ELFFile.Note) -> [(key: String, value: JSONText)] {
        [
            ("id", .string(note.id)), ("version", .string(note.version)),
            ("abi", .string("\(note.abiMajor).\(note.abiMinorRequired)")),
            ("flags", .array(PluginWords.flags(note.flags).map { .string($0) })),
            ("hooks", .array(note.hooks.map { .string(PluginWords.hook($0)) })),
        ]
    }
}
