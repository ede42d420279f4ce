import TelemetryModel
import WireFormats

/// A JSON line: paths that are found while it is scanned are what JMESPath finds in the tree.
func fuzzJSONStage(_ input: UnsafeRawBufferPointer) {
  func stages(_ suffix: String) -> String {
    """
    - json: {expressions: {x: "a\(suffix)", y: "a.b\(suffix)", z: "c.d.e\(suffix)"}}
    - labels: {x: , y: }
    - structured_metadata: {z: }
    """
  }
  let scanned = runStages(stages(""), input)
  let evaluated = runStages(stages(" | @"), input)
  precondition(scanned != nil && scanned == evaluated, "the tree has other values than the scan")
}

/// A JMESPath expression, a line feed, and the JSON that it is evaluated on.
func fuzzJMESPath(_ input: UnsafeRawBufferPointer) {
  let (expression, document) = halves(input)
  guard expression.count <= 512 else { return }
  let stages = "- json: {expressions: {x: \(quoted(expression))}}\n- output: {source: x}"
  let first = runStages(stages, document)
  precondition(first == runStages(stages, document), "an expression has two values")
  if let first { precondition(first.count == 1, "a line is lost") }
}

/// A logfmt line: what is extracted stands in the line, or is what its escapes mean.
func fuzzLogfmtStage(_ input: UnsafeRawBufferPointer) {
  let named = runStages("- logfmt: {mapping: {x: a}}\n- structured_metadata: {x: }", input)
  let matched = runStages(
    "- logfmt: {regex: '^a$'}\n- structured_metadata: {values: {x: a}}", input)
  precondition(named != nil && named == matched, "two ways to one pair differ")
}

/// A line of a container: what `cri` takes apart is what its expression takes apart.
func fuzzContainerStages(_ input: UnsafeRawBufferPointer) {
  // With a time as the expression has it and without partial lines the stages are the same.
  let own = runStages("- cri: {}", input)
  let expression =
    #"^(?s)(?P<time>\S+?) (?P<stream>stdout|stderr) (?P<flags>\S+?) (?P<content>.*)$"#
  let spelt = runStages(
    """
    - regex: {expression: '\(expression)'}
    - labels: {stream: }
    - timestamp: {source: time, format: RFC3339Nano}
    - output: {source: content}
    """, input)
  // RE2 and Go see bytes that are no UTF-8 with other eyes.
  let isText = String(validating: input, as: UTF8.self) != nil
  precondition(own != nil && (!isText || own == spelt), "cri differs from its expression")
  precondition(runStages("- docker: {}", input)?.count == 1, "docker loses a line")
}

/// An expression of RE2's, a line feed, and the text that it is matched with.
func fuzzRegexStage(_ input: UnsafeRawBufferPointer) {
  let (expression, text) = halves(input)
  guard expression.count <= 256 else { return }
  let quotedExpression = quoted(expression)
  let plain = runStages("- regex: {expression: \(quotedExpression)}", text)
  let labelled = runStages(
    "- regex: {expression: \(quotedExpression), labels_from_groups: true}", text)
  precondition((plain == nil) == (labelled == nil), "an option makes an expression good")
  if let plain { precondition(plain.count == 1 && plain[0].line.elementsEqual(text)) }
  _ = runStages("- replace: {expression: \(quotedExpression), replace: '{{ .Value }}'}", text)
}

/// A layout, a line feed, and the time to read with it.
func fuzzTimestampStage(_ input: UnsafeRawBufferPointer) {
  let (layout, text) = halves(input)
  guard layout.count <= 128, text.count <= 256 else { return }
  let stages = """
    - regex: {expression: '(?s)^(?P<t>.*)$'}
    - timestamp: {source: t, format: \(quoted(layout)), action_on_failure: skip}
    """
  let first = runStages(stages, text)
  precondition(first == runStages(stages, text), "a time has two meanings")
}

/// A template, a line feed, and the line that it works on.
func fuzzTemplateStage(_ input: UnsafeRawBufferPointer) {
  let (template, text) = halves(input)
  guard template.count <= 512 else { return }
  let out = runStages(
    "- template: {source: x, template: \(quoted(template))}\n- output: {source: x}", text)
  if let out {
    precondition(out.count == 1, "a line is lost")
    precondition(out[0].line.count <= 4 << 20 || out[0].line.count == text.count, "no bound held")
  }
}

/// A Windows event's message.
func fuzzEventLogMessage(_ input: UnsafeRawBufferPointer) {
  let out = runStages(
    """
    - regex: {expression: '(?s)^(?P<message>.*)$'}
    - eventlogmessage: {}
    - structured_metadata: {values: {}, regex: '^[^m]'}
    """, input)
  for label in out?.first?.metadata ?? [] {
    precondition(
      label.name.utf8.allSatisfy { $0 == 0x5f || $0 >= 0x30 && $0 <= 0x7a }, "no label's name")
  }
}
