import Configuration
import PositionedYAML
import Testing

@Suite("The JSON Schema of plugins.yaml") struct SchemaTests {
    private let schema: YAMLNode

    init() throws {
        schema = try YAMLParser.parse(Array(ConfigurationSchema.json().rendered.utf8), file: "schema")
    }

    private func properties(_ path: [String]) -> YAMLNode? {
        var node = schema["properties"]?["broker"]
        for name in path { node = node?["properties"]?[name] }
        return node
    }

    @Test("has every setting with its help, and nothing else")
    func complete() throws {
        var found: [String] = []
        func walk(_ node: YAMLNode?, _ path: String) {
            for entry in node?["properties"]?.entries ?? [] {
                let inner = "\(path).\(entry.name)"
                if entry.value["properties"] != nil { walk(entry.value, inner) } else { found.append(inner) }
            }
        }
        walk(properties([]), "broker")
        let settings = SettingsTable.all.filter { $0.availability == .now }
        #expect(found.sorted() == (settings.map(\.path) + ["broker.listeners"]).sorted())
        for setting in settings {
            let levels = setting.path.split(separator: ".").dropFirst().map(String.init)
            let node = try #require(properties(levels), "\(setting.path)")
            #expect(node["description"]?.text == setting.help)
            #expect(node["default"] != nil)
        }
    }

    @Test("takes numbers and booleans as such, and a variable in their place")
    func shapes() throws {
        let threads = try #require(properties(["threads"])?["anyOf"]?.elements)
        #expect(threads[0]["type"]?.text == "integer" && threads[0]["maximum"]?.integer == 256)
        #expect(threads[1]["$ref"]?.text == "#/$defs/variable")
        let level = try #require(properties(["log", "level"])?["anyOf"]?.elements?.first)
        #expect(level["enum"]?.elements?.compactMap(\.text) == LogLevel.allCases.map(\.rawValue))
    }

    @Test("refuses unknown keys on every level")
    func closed() throws {
        var objects = 0
        func walk(_ node: YAMLNode) {
            if node["properties"] != nil {
                objects += 1
                #expect(node["additionalProperties"]?.boolean == false)
            }
            for entry in node.entries ?? [] { walk(entry.value) }
            for element in node.elements ?? [] { walk(element) }
        }
        walk(schema)
        #expect(objects >= 10)
    }
}
