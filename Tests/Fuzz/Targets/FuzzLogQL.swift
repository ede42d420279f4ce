@testable import LogQL
@testable import LogQuery
import LogStore
import TelemetryModel
import TextTemplate
import WireFormats

/// Stages and a label filter behind them, of which any part may be left out.
private func pipeline(_ stages: [Stage], need: LabelNeed = .all) -> LogPipeline? {
  try? LogPipeline(stages: stages, need: need, environment: TemplateEnvironment())
}

/// What comes of a line; nil when it is dropped.
private func labels(
  _ stages: [Stage], _ line: UnsafeRawBufferPointer, need: LabelNeed = .all
) -> Labels? {
  let stream = StreamReference(id: 1, tenant: .single, labels: ["app": "x", "level": "stream"])
  var made = pipeline(stages, need: need)
  return made?.process(line: line, at: .zero, stream: stream, metadata: [Label("tag", "t")])?.labels
    .all
}

/// The part before the first line feed as text, nil when it is none; and the rest.
private func textAndRest(_ input: UnsafeRawBufferPointer) -> (
  text: String?, rest: UnsafeRawBufferPointer
) {
  let (head, rest) = halves(input)
  return (String(validating: head, as: UTF8.self), rest)
}

/// A query: what was parsed is printed, in both forms, and parses as the same.
func fuzzLogQL(_ input: UnsafeRawBufferPointer) {
  guard let text = String(validating: input, as: UTF8.self),
    let expression = try? LogQL.parse(text)
  else { return }
  let plain = expression.description
  guard let again = try? LogQL.parse(plain) else {
    // Loki prints what its own parser refuses: numbers that no literal stands for, sizes of zero,
    // and quotes around names that are not all ASCII.
    let refused = ["NaN", "Inf", "-0", "=0B", "<0B", ">0B", "\"=", "\"!", "\"<", "\">"]
    let isLoki = refused.contains { plain.contains($0) }
    precondition(isLoki, "what is printed does not parse: \(plain)")
    return
  }
  precondition(again.description == plain, "what is printed is another query: \(plain)")
  guard let formatted = try? LogQL.parse(expression.formatted) else {
    preconditionFailure("what is formatted does not parse: \(expression.formatted)")
  }
  precondition(formatted.description == plain, "what is formatted is another query: \(plain)")
  if case .log(let selection) = expression {
    #"{"level":"info","took":"1s","a":{"b":1}} x=1"#.utf8.withContiguousStorageIfAvailable {
      _ = labels(selection.stages, UnsafeRawBufferPointer($0))
    }
  }
}

/// Checks that a reader of one label is told what a reader of all labels is told.
private func checkEachLabel(_ stage: Stage, _ line: UnsafeRawBufferPointer, _ all: Labels) {
  guard let label = all.sorted.last(where: { !["app", "level", "tag"].contains($0.name) }),
    !label.name.hasPrefix("__error")
  else { return }
  let one = labels([stage], line, need: .only([label.name]))
  precondition(one?[label.name] == label.value, "\(label.name) alone has another value")
}

/// A line of JSON: good objects are no errors, each label alone is what it is among all.
func fuzzLogQLJSON(_ input: UnsafeRawBufferPointer) {
  guard let all = labels([.parser(.json([]))], input) else {
    preconditionFailure("a parser drops a line")
  }
  checkEachLabel(.parser(.json([])), input, all)
}

/// A path, a line feed, and a line of JSON.
func fuzzLogQLJSONFields(_ input: UnsafeRawBufferPointer) {
  let (path, line) = textAndRest(input)
  guard let path, path.utf8.count <= 256 else { return }
  let field = ExtractedField(name: "x", expression: path)
  guard let one = labels([.parser(.json([field]))], line) else { return }
  let other = ExtractedField(name: "y", expression: "a.b[0]")
  let both = labels([.parser(.json([field, other]))], line)
  // How far a line is read that is no JSON depends on what is looked for.
  guard (try? JSONValue.parse(Array(line))) != nil else { return }
  precondition(one["x"] == both?["x"], "a field has another value beside others")
}

/// A logfmt line: strict or not, whole or by keys.
func fuzzLogQLLogfmt(_ input: UnsafeRawBufferPointer) {
  func stage(strict: Bool, empty: Bool) -> Stage {
    .parser(.logfmt(isStrict: strict, keepsEmpty: empty, fields: []))
  }
  guard let plain = labels([stage(strict: false, empty: false)], input),
    let strict = labels([stage(strict: true, empty: false)], input),
    let empty = labels([stage(strict: false, empty: true)], input)
  else { preconditionFailure("a parser drops a line") }
  precondition(strict["__error__"] != nil || strict == plain, "strictness changes a good line")
  precondition(
    plain.sorted.allSatisfy { $0.name.hasSuffix("_extracted") || empty[$0.name] != nil },
    "a label goes when empty ones are kept")
  checkEachLabel(stage(strict: false, empty: false), input, plain)
}

/// A packed line: without `_entry` it stays as it is.
func fuzzLogQLUnpack(_ input: UnsafeRawBufferPointer) {
  guard let all = labels([.parser(.unpack)], input) else {
    preconditionFailure("a parser drops a line")
  }
  let text = String(decoding: input, as: UTF8.self)
  guard !text.contains("_entry"), !text.contains("\\") else { return }
  precondition(
    all.sorted.allSatisfy {
      ["app", "level", "tag"].contains($0.name) || $0.name.hasPrefix("__e")
    },
    "labels come of a line that is not packed")
}

/// A pattern, a line feed, and the line: the parser, the filter and the pattern itself agree.
func fuzzLogQLPattern(_ input: UnsafeRawBufferPointer) {
  let (expression, line) = textAndRest(input)
  guard let expression, expression.utf8.count <= 256 else { return }
  if let filter = try? CapturePattern(filterExpression: Array(expression.utf8)) {
    let passes = labels(
      [.lineFilter(LineFilter(.hasPattern, [.text(Array(filter.text.utf8))]))], line)
    let lacks = labels(
      [.lineFilter(LineFilter(.lacksPattern, [.text(Array(filter.text.utf8))]))], line)
    precondition((passes == nil) != (lacks == nil), "a line has a pattern and lacks it")
  }
  guard let pattern = try? CapturePattern(parserExpression: expression) else { return }
  guard let all = labels([.parser(.pattern(pattern))], line) else {
    preconditionFailure("a parser drops a line")
  }
  _ = pattern.match(line) { number, range in
    let name = pattern.names[number]
    guard !["app", "level", "tag"].contains(name), !name.hasPrefix("__error") else { return }
    let value = String(decoding: line[range], as: UTF8.self)
    precondition((all[name] ?? "") == value, "the pattern captures something else")
  }
}

/// An expression, a line feed, and the line: what is captured stands in it.
func fuzzLogQLRegexp(_ input: UnsafeRawBufferPointer) {
  let (expression, line) = textAndRest(input)
  guard let expression, expression.utf8.count <= 128,
    let all = labels([.parser(.regexp(expression))], line)
  else { return }
  guard let text = String(validating: line, as: UTF8.self) else { return }
  for label in all.sorted where !["app", "level", "tag"].contains(label.name) {
    precondition(
      label.value.isEmpty || text.utf8.count >= label.value.utf8.count,
      "more is captured than there is")
  }
}

/// Numbers, durations, sizes and addresses of labels.
func fuzzLogQLNumbers(_ input: UnsafeRawBufferPointer) {
  guard input.count <= 256 else { return }
  let text = String(decoding: input, as: UTF8.self)
  if let value = try? NumberText.float(input), value.isFinite {
    precondition(Double(text) == value, "a float has another value")
  }
  if let span = try? NumberText.duration(input) {
    precondition((try? TimeSpan(goDuration: text)) == span, "a duration has two values")
  } else {
    precondition((try? TimeSpan(goDuration: text)) == nil, "a duration is read in one way")
  }
  if let size = try? NumberText.byteSize(input) {
    let again = "\(size)"
    precondition(
      again.utf8.withContiguousStorageIfAvailable {
        (try? NumberText.byteSize(UnsafeRawBufferPointer($0))) == size || size > 1 << 53
      } != false, "a size has two values")
  }
  if let filter = try? AddressFilter("10.0.0.0/8"), let other = try? AddressFilter("0.0.0.0/0") {
    precondition(
      !filter.holdsSomewhere(in: input) || other.holdsSomewhere(in: input),
      "an address is in a range and not in the greater one")
  }
  _ = try? AddressFilter(text)
}

/// A template, a line feed, and a label's value: nothing beyond the limits, the same each time, and
/// `line_format` makes what the template makes.
func fuzzTextTemplate(_ input: UnsafeRawBufferPointer) {
  let (text, value) = textAndRest(input)
  guard let text, text.utf8.count <= 512, value.count <= 1024 else { return }
  var limits = Template.Limits()
  limits.outputBytesMax = 1 << 14
  limits.stepsMax = 2000
  limits.callBytesMax = 1 << 16
  let environment = TemplateEnvironment()
  guard
    let template = try? Template(
      text, name: "line", functions: .logQL(environment), missingKey: .zero, limits: limits)
  else { return }
  let data = TemplateValue.map(
    TemplateMap(texts: [
      (key: "a", value: String(decoding: value, as: UTF8.self)), (key: "b", value: "12.5"),
    ]))
  let late: [String: TemplateValue] = [
    "__line__": .string("line"), "__timestamp__": .time(ZonedTime(.zero, zone: .utc)),
  ]
  let first = try? template.execute(data, late: late)
  precondition((first?.count ?? 0) <= limits.outputBytesMax, "more than the limit")
  if !text.contains("shuffle"), !text.contains("rand"), !text.contains("uuid") {
    precondition(first == (try? template.execute(data, late: late)), "two texts of one template")
  }
}
