import Configuration
import Pipeline
import TelemetryModel
import WireFormats

/// A configuration file: it is read, or refused with a place in it.
func fuzzConfiguration(_ input: UnsafeRawBufferPointer) {
  guard let text = String(validating: input, as: UTF8.self) else { return }
  do throws(ConfigurationError) {
    _ = try Configuration.parse(text: text, name: "fuzz", environment: ["NAME": "value"])
  } catch {
    precondition(error.description.hasPrefix("fuzz"), "a refusal that names no file")
  }
}

/// A rule of `relabel_configs` by its expression, replacement and target, and a label's value,
/// parted by line feeds: `keep` and `drop` part what there is, and `$0` is the whole value.
func fuzzRelabeling(_ input: UnsafeRawBufferPointer) {
  let parts = lines(input).map { String(decoding: $0, as: UTF8.self) }
  guard parts.count >= 4, parts[0].utf8.count <= 256 else { return }
  let value = parts[3...].joined(separator: "\n")
  let labels: Labels = ["a": value, "b": "2"]
  func apply(_ action: RelabelAction, _ change: (inout RelabelConfiguration) -> Void = { _ in })
    -> Labels??
  {
    var rule = RelabelConfiguration()
    rule.action = action
    rule.sourceLabels = ["a"]
    rule.regex = parts[0]
    change(&rule)
    return (try? Relabeling([rule])).map { $0.apply(to: labels) }
  }
  guard let kept = apply(.keep), let dropped = apply(.drop) else { return }
  precondition((kept == nil) != (dropped == nil), "a target is kept and dropped, or neither")
  let copied = apply(.replace) { rule in
    rule.targetLabel = "c"
    rule.replacement = "$0"
  }
  precondition((copied??["c"] ?? "") == (kept == nil ? "" : value), "the whole is another value")
  _ = apply(.replace) { rule in
    rule.replacement = parts[1]
    rule.targetLabel = parts[2]
  }
  _ = apply(.labelmap) { $0.replacement = parts[1] }
  let (without, with) = (apply(.labeldrop), apply(.labelkeep))
  precondition((without??.count ?? 0) + (with??.count ?? 0) == (value.isEmpty ? 1 : 2))
}
