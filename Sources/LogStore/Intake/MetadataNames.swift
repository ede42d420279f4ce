import Bytes
import TelemetryModel

/// Brings names of structured metadata into the form of label names, as Loki does (OpenTelemetry
/// to Prometheus): other characters become `_`, a leading digit gets `key_` before it.
package enum MetadataNames {
  /// Whether the name stays as it is.
  static func isClean(_ name: String) -> Bool {
    var previous: UInt8 = 0
    var isFirst = true
    for byte in name.utf8 {
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"): break
      case UInt8(ascii: "0")...UInt8(ascii: "9"): if isFirst { return false }
      case UInt8(ascii: "_"): if previous == UInt8(ascii: "_") || isFirst { return false }
      default: return false
      }
      previous = byte
      isFirst = false
    }
    return !isFirst
  }

  /// The name as it is kept; throws in Loki's words when nothing but `_` is left.
  package static func normalized(_ name: String) throws(LogStoreError) -> String {
    guard !isClean(name) else { return name }
    guard !name.isEmpty else { throw LogStoreError(.refused, "label name is empty") }
    var body = name.unicodeScalars[...]
    let isReserved = name.hasBytePrefix("__") && name.hasByteSuffix("__") && name.utf8.count > 4
    if isReserved { body = body.dropFirst(2).dropLast(2) }
    var out = ""
    var wasUnderscore = false
    for scalar in body {
      let isPlain =
        scalar.isASCII
        && (scalar.properties.isAlphabetic || (scalar.value >= 0x30 && scalar.value <= 0x39))
      if isPlain {
        out.unicodeScalars.append(scalar)
      } else if !wasUnderscore {
        out += "_"
      }
      wasUnderscore = !isPlain
    }
    if isReserved { out = "__\(out)__" }
    if let first = out.utf8.first, first >= UInt8(ascii: "0"), first <= UInt8(ascii: "9") {
      out = "key_" + out
    }
    guard out.utf8.contains(where: { $0 != UInt8(ascii: "_") }) else {
      throw LogStoreError(
        .refused,
        "normalization for label name \(quoted(name)) resulted in invalid name \(quoted(out))")
    }
    return out
  }

  /// Normal names, one value a name (the last), no empty values, no invalid text, sorted.
  static func normalized(_ pairs: [Label]) throws(LogStoreError) -> [Label] {
    var isNormal = true
    for index in pairs.indices {
      let pair = pairs[index]
      if index > 0, !pairs[index - 1].name.precedesByBytes(pair.name) { isNormal = false }
      if pair.value.isEmpty || !isClean(pair.name) || pair.value.utf8.contains(0xef) {
        isNormal = false
      }
    }
    if isNormal { return pairs }
    var kept: [Label] = []
    for pair in pairs {
      let name = try normalized(pair.name)
      guard !pair.value.isEmpty else { continue }
      var value = pair.value
      if value.unicodeScalars.contains("\u{fffd}") {
        value = String(
          String.UnicodeScalarView(value.unicodeScalars.map { $0 == "\u{fffd}" ? " " : $0 }))
      }
      if let known = kept.firstIndex(where: { $0.name == name }) {
        kept[known].value = value
      } else {
        kept.append(Label(name, value))
      }
    }
    kept.sort()
    return kept
  }
}
