import TelemetryModel
import WireFormats

/// Writes the answers of metric queries: matrices, vectors, scalars.
struct SampleOutput {
  let style: OutputStyle
  let output: any TextOutput

  /// - Throws: ``CommandFailure`` for a type that is not known.
  func write(_ kind: String, _ result: JSONValue) throws {
    guard ["matrix", "vector", "scalar"].contains(kind) else {
      throw CommandFailure(message: "the server answered with unknown type '\(kind)'")
    }
    if style.form == .json || (style.form == .default && !style.isForTerminal) {
      // logcli's own form, which ends without a line end.
      return output.write(indented(result))
    }
    let samples = samples(kind, result)
    if style.form == .csv { return writeCSV(samples) }
    var text = ""
    for sample in samples {
      switch style.form {
      case .raw: text += sample.value + "\n"
      case .jsonl: text += object(sample)
      default:
        text += style.painter.paint(style.time(sample.nanoseconds), .dim) + " "
        let labels = style.shown(sample.labels, common: []).description
        if style.showsLabels { text += style.painter.paint(style.safe(labels), .blue) + " " }
        text += sample.value + "\n"
      }
    }
    output.write(text)
  }

  private struct Sample {
    var labels: Labels
    var nanoseconds: Int64
    var value: String
  }

  private func samples(_ kind: String, _ result: JSONValue) -> [Sample] {
    func sample(_ labels: Labels, _ pair: JSONValue?) -> [Sample] {
      guard let pair = pair?.arrayValue, pair.count == 2, let value = pair[1].stringValue,
        var seconds = pair[0].doubleValue
      else { return [] }
      // The one scalar is told in milliseconds.
      if kind == "scalar" { seconds /= 1000 }
      guard abs(seconds) < 9e9 else { return [] }
      return [
        Sample(
          labels: labels, nanoseconds: Int64((seconds * 1000).rounded()) * 1_000_000, value: value)
      ]
    }
    if kind == "scalar" { return sample(.none, result) }
    return (result.arrayValue ?? []).flatMap { series in
      let labels = Labels(json: series["metric"])
      guard kind == "matrix" else { return sample(labels, series["value"]) }
      return (series["values"]?.arrayValue ?? []).flatMap { sample(labels, $0) }
    }
  }

  private func object(_ sample: Sample) -> String {
    var json = JSONWriter()
    json.beginObject()
    json.key("labels")
    json.value(style.shown(sample.labels, common: []))
    json.key("timestamp")
    json.string(style.fullTime(sample.nanoseconds))
    json.key("value")
    json.string(sample.value)
    json.endObject()
    return String(decoding: json.bytes, as: UTF8.self) + "\n"
  }

  /// A column for each label that any series has.
  private func writeCSV(_ samples: [Sample]) {
    let shown = samples.map { style.shown($0.labels, common: []) }
    let names = Set(shown.flatMap { $0.sorted.map(\.name) }).sorted()
    var text = csvRow(["timestamp"] + names + ["value"])
    for (sample, labels) in zip(samples, shown) {
      let fields = names.map { labels[$0] ?? "" }
      text += csvRow([style.time(sample.nanoseconds)] + fields + [sample.value])
    }
    output.write(text)
  }
}

/// A document with two blanks for each level, as Go's `json.MarshalIndent` lays it out.
func indented(_ value: JSONValue, level: Int = 0) -> String {
  let inner = String(repeating: "  ", count: level + 1)
  let outer = String(repeating: "  ", count: level)
  func list(_ items: [String], _ open: String, _ close: String) -> String {
    items.isEmpty
      ? open + close
      : "\(open)\n" + items.map { inner + $0 }.joined(separator: ",\n") + "\n\(outer)\(close)"
  }
  switch value {
  case .array(let items): return list(items.map { indented($0, level: level + 1) }, "[", "]")
  case .object(let members):
    return list(
      members.map { member in
        "\(compact(.string(member.key))): \(indented(member.value, level: level + 1))"
      }, "{", "}")
  default: return compact(value)
  }
}

private func compact(_ value: JSONValue) -> String {
  var json = JSONWriter()
  json.value(value)
  return String(decoding: json.bytes, as: UTF8.self)
}
