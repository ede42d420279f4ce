import CYAML

extension YAMLNode {
  /// Reads the one document of `text`; nothing at all is a null scalar.
  ///
  /// Throws ``YAMLError`` for what libyaml refuses, a second document, a repeated key, a key that
  /// is not a scalar, a tag other than YAML's own, a text above `bytesMax`, nesting above
  /// `depthMax`, and more than `nodesMax` nodes once aliases are resolved (each use counts).
  package static func parse(
    _ text: String, bytesMax: Int = 4 << 20, depthMax: Int = 64, nodesMax: Int = 200_000
  ) throws(YAMLError) -> YAMLNode {
    guard text.utf8.count <= bytesMax else {
      throw YAMLError(
        "\(text.utf8.count) bytes are more than the \(bytesMax) allowed",
        at: YAMLMark(line: 1, column: 1))
    }
    // A C parser that keeps pointers to the text and to itself: both stay put until it is gone.
    let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: max(1, text.utf8.count))
    defer { bytes.deallocate() }
    let count = bytes.initialize(fromContentsOf: text.utf8)
    let parser = UnsafeMutablePointer<yaml_parser_t>.allocate(capacity: 1)
    defer { parser.deallocate() }
    guard yaml_parser_initialize(parser) == 1 else {
      throw YAMLError("no memory for the parser", at: YAMLMark(line: 1, column: 1))
    }
    defer { yaml_parser_delete(parser) }
    yaml_parser_set_encoding(parser, YAML_UTF8_ENCODING)
    yaml_parser_set_input_string(parser, bytes.baseAddress, count)
    var composer = YAMLComposer(parser: parser, depthMax: depthMax, nodesMax: nodesMax)
    return try composer.document()
  }
}

/// What happens in a YAML text, copied out of libyaml's event.
enum YAMLEvent {
  case streamStart, streamEnd, documentStart, documentEnd
  case alias(String)
  case scalar(anchor: String?, tag: String?, text: String, isPlain: Bool)
  case sequenceStart(anchor: String?, tag: String?)
  case sequenceEnd
  case mappingStart(anchor: String?, tag: String?)
  case mappingEnd
  case nothing
}

/// Reads libyaml's events one by one.
struct YAMLEventReader {
  let parser: UnsafeMutablePointer<yaml_parser_t>

  func next() throws(YAMLError) -> (YAMLEvent, YAMLMark) {
    var event = yaml_event_t()
    guard yaml_parser_parse(parser, &event) == 1 else { throw failure() }
    defer { yaml_event_delete(&event) }
    let mark = YAMLMark(
      line: Int(event.start_mark.line) + 1, column: Int(event.start_mark.column) + 1)
    return (convert(event), mark)
  }

  private func convert(_ event: yaml_event_t) -> YAMLEvent {
    switch event.type {
    case YAML_STREAM_START_EVENT: return .streamStart
    case YAML_STREAM_END_EVENT: return .streamEnd
    case YAML_DOCUMENT_START_EVENT: return .documentStart
    case YAML_DOCUMENT_END_EVENT: return .documentEnd
    case YAML_ALIAS_EVENT: return .alias(text(event.data.alias.anchor) ?? "")
    case YAML_SCALAR_EVENT:
      let scalar = event.data.scalar
      let value = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
      return .scalar(
        anchor: text(scalar.anchor), tag: text(scalar.tag),
        text: String(decoding: value, as: UTF8.self),
        isPlain: scalar.style == YAML_PLAIN_SCALAR_STYLE)
    case YAML_SEQUENCE_START_EVENT:
      let start = event.data.sequence_start
      return .sequenceStart(anchor: text(start.anchor), tag: text(start.tag))
    case YAML_SEQUENCE_END_EVENT: return .sequenceEnd
    case YAML_MAPPING_START_EVENT:
      let start = event.data.mapping_start
      return .mappingStart(anchor: text(start.anchor), tag: text(start.tag))
    case YAML_MAPPING_END_EVENT: return .mappingEnd
    default: return .nothing
    }
  }

  private func text(_ name: UnsafeMutablePointer<yaml_char_t>?) -> String? {
    name.map { String(cString: $0) }
  }

  private func failure() -> YAMLError {
    let state = parser.pointee
    let problem = state.problem.map { String(cString: $0) } ?? "malformed YAML"
    if state.error == YAML_READER_ERROR {
      return YAMLError(
        "\(problem) at byte \(state.problem_offset)",
        at: YAMLMark(line: Int(state.mark.line) + 1, column: Int(state.mark.column) + 1))
    }
    let context = state.context.map { String(cString: $0) + ": " } ?? ""
    return YAMLError(
      context + problem,
      at: YAMLMark(
        line: Int(state.problem_mark.line) + 1, column: Int(state.problem_mark.column) + 1))
  }
}
