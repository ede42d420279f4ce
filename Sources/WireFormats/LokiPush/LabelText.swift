import Bytes
package import TelemetryModel

/// Labels as a push's protobuf carries them: Prometheus's text, `{app="api", env="prod"}`.
package struct LabelText: Sendable {
  /// Sorted, unique, without empty values.
  package let labels: Labels
  /// The first name that occurs twice, with all labels as text; Loki refuses such a stream.
  package let repeated: (name: String, text: String)?

  package init(labels: Labels, repeated: (name: String, text: String)? = nil) {
    self.labels = labels
    self.repeated = repeated
  }

  /// Of pairs in any order: sorts, drops empty values, finds names that occur twice.
  package init(pairs: [Label]) {
    var kept = pairs.filter { !$0.value.isEmpty }
    var isSorted = true
    for index in kept.indices.dropFirst() where kept[index - 1].name >= kept[index].name {
      isSorted = false
      break
    }
    if !isSorted { kept.sort { $0.name.precedesByBytes($1.name) } }
    for index in kept.indices.dropFirst()
    where kept[index - 1].name.hasSameBytes(as: kept[index].name) {
      let text = "{" + kept.map { "\($0.name)=\(quoted($0.value))" }.joined(separator: ", ") + "}"
      self.init(labels: Labels(kept), repeated: (kept[index].name, text))
      return
    }
    self.init(labels: Labels(kept))
  }

  /// Parses `text` as Prometheus's metric syntax: an optional name, then labels in braces;
  /// names may be quoted, `#` begins a comment. No text is no labels.
  ///
  /// Throws in Prometheus's words, `1:3: parse error: unexpected character inside braces: '-'`.
  package static func parse(_ text: UnsafeRawBufferPointer) throws(LokiPushError) -> LabelText {
    var parser = LabelTextParser(text)
    return LabelText(pairs: try parser.parse())
  }

  package static func parse(_ text: String) throws(LokiPushError) -> LabelText {
    let bytes = Array(text.utf8)
    var result: Result<LabelText, LokiPushError> = .success(LabelText(labels: .none))
    bytes.withUnsafeBytes { buffer in
      do throws(LokiPushError) {
        result = .success(try parse(buffer))
      } catch { result = .failure(error) }
    }
    return try result.get()
  }
}
