import PositionedYAML

extension ControlRequest {
    /// Reads one line. JSON is read as the YAML it is, with the parser that reads plugins.yaml.
    static func parse(_ line: [UInt8]) throws(ControlProblem) -> ControlRequest {
        guard line.count <= ControlProtocol.maximumRequestBytes else { throw .tooLong }
        guard let root = YAMLParser.parseCollecting(line, file: "request").root,
            let command = root["command"]?.text
        else { throw .notAnObject }
        switch command {
        case "status": return .status
        case "health": return .health
        case "plugins": return .plugins
        case "reload": return .reload
        case "stop": return .stop
        default: throw .unknownCommand(command)
        }
    }
}
