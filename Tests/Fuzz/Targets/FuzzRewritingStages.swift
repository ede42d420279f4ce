import Configuration
import TelemetryModel
import WireFormats

/// `replace`: an expression, a line feed, and the line. A template that gives back what it gets
/// leaves a text as it is.
func fuzzReplaceStage(_ input: UnsafeRawBufferPointer) {
  let (expression, line) = halves(input)
  guard expression.count <= 256 else { return }
  func run(_ template: String) -> [StageOutput]? {
    runStages(
      [stage("replace", ["expression": .text(expression), "replace": .text(template)])], [line])
  }
  if let same = run("{{ .Value }}"), isText(line) {
    precondition(same.count == 1 && same[0].line.elementsEqual(line), "a text is not put back")
  }
  if let fixed = run("x") { precondition(fixed.count == 1, "a line is lost") }
}

/// A template of `replace`, a line feed, and the line.
func fuzzReplaceTemplate(_ input: UnsafeRawBufferPointer) {
  let (template, line) = halves(input)
  guard template.count <= 256, line.count <= 256 else { return }
  let settings: KeyValuePairs<String, YAMLNode> = [
    "expression": .text(#"(\w+)"#), "replace": .text(template),
  ]
  let out = runStages([stage("replace", settings)], [line])
  precondition(out == runStages([stage("replace", settings)], [line]) || mayVary(template))
}

/// Functions that give another value each time.
private func mayVary(_ template: UnsafeRawBufferPointer) -> Bool {
  let text = String(decoding: template, as: UTF8.self)
  return text.contains("rand") || text.contains("shuffle") || text.contains("uuid")
    || text.contains("now")
}

/// `pattern`: an expression, a line feed, and the line. Captures stand in the line in their order.
func fuzzPatternStage(_ input: UnsafeRawBufferPointer) {
  let (pattern, line) = halves(input)
  guard pattern.count <= 256 else { return }
  let extracted = runStages(
    [
      stage("pattern", ["pattern": .text(pattern)]),
      stage("structured_metadata", ["values": .map([:]), "regex": .text("^.*$")]),
    ], [line])
  let labelled = runStages(
    [stage("pattern", ["pattern": .text(pattern), "labels_from_groups": .plain("true")])], [line])
  precondition((extracted == nil) == (labelled == nil), "an option makes a pattern good")
  guard let values = extracted?.first?.metadata, let labels = labelled?.first?.labels else {
    return
  }
  let text = Array(line)
  for label in labels where label.name != "job" {
    precondition(values.contains(label), "a label is no extracted value")
    precondition(contains(text, Array(label.value.utf8)), "a value that stands nowhere")
  }
}

private func contains(_ text: [UInt8], _ part: [UInt8]) -> Bool {
  part.isEmpty
    || text.indices.contains { text[$0...].starts(with: part) }
}

/// `split_json`: as many lines as the array has elements, each of them the element.
func fuzzSplitJSON(_ input: UnsafeRawBufferPointer) {
  guard let out = runStages([stage("split_json")], [input]) else {
    preconditionFailure("the stage is refused")
  }
  guard case .array(let elements)? = try? JSONValue.parse(Array(input), depthMax: 512) else {
    // What is no text may be told apart nevertheless.
    precondition(
      !isText(input) || out.count == 1 && out[0].line.elementsEqual(input), "no array is split")
    return
  }
  precondition(out.count == elements.count, "elements are lost")
  for (element, output) in zip(elements, out) {
    precondition((try? JSONValue.parse(output.line)) == element, "an element changes")
  }
}

/// `pack`: the line is found in what it is packed in.
func fuzzPackStage(_ input: UnsafeRawBufferPointer) {
  let out = runStages(
    [stage("pack", ["labels": .list([.text("job"), .text("none")])])], [input])
  guard let line = out?.first?.line,
    case .object(let members)? = try? JSONValue.parse(line)
  else { preconditionFailure("a packed line is no JSON") }
  precondition(members.count == 2 && members[0].key == "job", "a label is not packed")
  guard isText(input) else { return }
  precondition(members[1].value == .string(String(decoding: input, as: UTF8.self)))
}

/// `luhn`: what is replaced, and nothing else, is a number with the right check digit.
func fuzzLuhnStage(_ input: UnsafeRawBufferPointer) {
  guard input.allSatisfy({ $0 < 0x80 }) else {
    _ = runStages([stage("luhn")], [input])
    return
  }
  let out = runStages([stage("luhn", ["replacement": .text("#")])], [input])
  var expected: [UInt8] = []
  var number: [UInt8] = []
  for byte in Array(input) + [0] {
    if (0x30...0x39).contains(byte) {
      number.append(byte)
      continue
    }
    expected += isCard(number) ? [0x23] : number
    number = []
    expected.append(byte)
  }
  precondition(out?.first?.line == expected.dropLast(), "other numbers are replaced")
}

/// By the book, and no more than 63 bits.
private func isCard(_ digits: [UInt8]) -> Bool {
  guard digits.count >= 13, Int64(String(decoding: digits, as: UTF8.self)) != nil else {
    return false
  }
  var sum = 0
  for (place, digit) in digits.reversed().enumerated() {
    let value = Int(digit - 0x30) * (place % 2 == 0 ? 1 : 2)
    sum += value / 10 + value % 10
  }
  return sum % 10 == 0
}

/// `truncate` and `decolorize`: no more than the limit stays, of a text a text; escapes of colours
/// are gone.
func fuzzTruncateStage(_ input: UnsafeRawBufferPointer) {
  let rule: YAMLNode = .map(["limit": .text("12B"), "suffix": .text("..")])
  let out = runStages([stage("truncate", ["rules": .list([rule])])], [input])
  guard let line = out?.first?.line else { preconditionFailure("a line is lost") }
  // What is longer than the limit without the suffix is cut.
  if input.count <= 10 {
    precondition(line.elementsEqual(input), "a short line changes")
  } else {
    precondition(line.count <= 12 && line.count >= 9 && line.suffix(2) == [0x2e, 0x2e])
    precondition(input.starts(with: line.dropLast(2)), "something else than the start stays")
    precondition(!isText(input) || isText(line), "a character is torn")
  }
  let plain = runStages([stage("decolorize")], [input])
  guard let plain = plain?.first?.line else { preconditionFailure("a line is lost") }
  precondition(plain.count <= input.count, "a line grows")
  let hasEscape = input.contains(0x1b) || input.contains(0xc2)
  precondition(hasEscape || plain.elementsEqual(input), "a line without escapes changes")
}
