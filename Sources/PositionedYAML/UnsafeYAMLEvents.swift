import CYAML

/// One event of libyaml's parser, copied into Swift values.
struct YAMLEvent {
    enum Kind {
        case streamStart, streamEnd, documentStart, documentEnd
        case scalar(String, YAMLScalarStyle)
        case alias(String)
        case sequenceStart, sequenceEnd, mappingStart, mappingEnd
    }
    var kind: Kind
    var position: SourcePosition
    var anchor: String?
    var tag: String?
}

/// Owns a libyaml parser over borrowed text. Everything that touches libyaml's memory is in this file.
///
/// The text must outlive this value: libyaml keeps the pointer.
struct UnsafeYAMLEvents: ~Copyable {
    private let parser: UnsafeMutablePointer<yaml_parser_t>
    private let text: UnsafeBufferPointer<UInt8>
    private let file: String

    /// Nil when libyaml cannot allocate.
    init?(text: UnsafeBufferPointer<UInt8>, file: String) {
        let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
        guard yaml_parser_initialize(parser) == 1 else {
            parser.deallocate()
            return nil
        }
        // Without this libyaml guesses UTF-16 from the first bytes.
        yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(parser, text.baseAddress, text.count)
        self.parser = parser
        self.text = text
        self.file = file
    }

    deinit {
        yaml_parser_delete(parser)
        parser.deallocate()
    }

    /// The next event; after `streamEnd` libyaml repeats an empty one, which is reported as the end again.
    mutating func next() throws(YAMLError) -> YAMLEvent {
        var event = yaml_event_t()
        guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
        defer { yaml_event_delete(&event) }
        var result = YAMLEvent(kind: .streamEnd, position: position(event.start_mark))
        switch event.type {
        case YAML_STREAM_START_EVENT: result.kind = .streamStart
        case YAML_DOCUMENT_START_EVENT: result.kind = .documentStart
        case YAML_DOCUMENT_END_EVENT: result.kind = .documentEnd
        case YAML_ALIAS_EVENT: result.kind = .alias(Self.string(event.data.alias.anchor) ?? "")
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            result.kind = .scalar(String(decoding: bytes, as: UTF8.self), Self.style(scalar.style))
            (result.anchor, result.tag) = (Self.string(scalar.anchor), Self.string(scalar.tag))
        case YAML_SEQUENCE_START_EVENT:
            let start = event.data.sequence_start
            result.kind = .sequenceStart
            (result.anchor, result.tag) = (Self.string(start.anchor), Self.string(start.tag))
        case YAML_SEQUENCE_END_EVENT: result.kind = .sequenceEnd
        case YAML_MAPPING_START_EVENT:
            let start = event.data.mapping_start
            result.kind = .mappingStart
            (result.anchor, result.tag) = (Self.string(start.anchor), Self.string(start.tag))
        case YAML_MAPPING_END_EVENT: result.kind = .mappingEnd
        default: break
        }
        return result
    }

    private func position(_ mark: yaml_mark_t) -> SourcePosition {
        SourcePosition(file: file, line: Int(clamping: mark.line) + 1, column: Int(clamping: mark.column) + 1)
    }

    private static func string(_ text: UnsafePointer<yaml_char_t>?) -> String? {
        text.map { String(cString: $0) }
    }

    private static func style(_ style: yaml_scalar_style_t) -> YAMLScalarStyle {
        switch style {
        case YAML_SINGLE_QUOTED_SCALAR_STYLE: .singleQuoted
        case YAML_DOUBLE_QUOTED_SCALAR_STYLE: .doubleQuoted
        case YAML_LITERAL_SCALAR_STYLE: .literal
        case YAML_FOLDED_SCALAR_STYLE: .folded
        default: .plain
        }
    }

    private func failure() -> YAMLError {
        let words = parser.pointee.problem.map { String(cString: $0) } ?? "out of memory"
        if parser.pointee.error == YAML_READER_ERROR {
            return YAMLError(.encoding(words), at: position(ofByte: Int(clamping: parser.pointee.problem_offset)))
        }
        let place = position(parser.pointee.problem_mark)
        if words.contains("cannot start any token"), character(at: parser.pointee.problem_mark) == UInt8(ascii: "\t") {
            return YAMLError(.syntax("a tab cannot indent; use spaces"), at: place)
        }
        guard let context = parser.pointee.context.map({ String(cString: $0) }) else {
            return YAMLError(.syntax(words), at: place)
        }
        let begin = parser.pointee.context_mark.line + 1
        return YAMLError(.syntax("\(words) \(context) that begins in line \(begin)"), at: place)
    }

    /// libyaml reports undecodable input by byte offset only.
    private func position(ofByte offset: Int) -> SourcePosition {
        let before = text.prefix(offset)
        let lineStart = before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0
        let line = 1 + before.count { $0 == UInt8(ascii: "\n") }
        let column = 1 + before[lineStart...].count { $0 & 0xC0 != 0x80 }
        return SourcePosition(file: file, line: line, column: column)
    }

    /// The byte at a mark, whose index counts characters.
    private func character(at mark: yaml_mark_t) -> UInt8? {
        var characters = 0
        for byte in text where byte & 0xC0 != 0x80 {
            if characters == Int(clamping: mark.index) { return byte }
            characters += 1
        }
        return nil
    }
}
