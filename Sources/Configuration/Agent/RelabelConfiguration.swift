import Regex
import WireFormats

/// What one rule of `relabel_configs` does (Prometheus's `relabel_config`).
package enum RelabelAction: String, CaseIterable, Hashable, Sendable {
  case replace, keep, drop, hashmod, labelmap, labeldrop, labelkeep, lowercase, uppercase
  case keepequal, dropequal
}

/// One rule of `relabel_configs`, checked as Prometheus checks it.
package struct RelabelConfiguration: Hashable, Sendable {
  package var sourceLabels: [String] = []
  package var separator = ";"
  /// Matched against the whole of the source labels' values, joined.
  package var regex = "(.*)"
  /// For `hashmod`.
  package var modulus: UInt64 = 0
  package var targetLabel = ""
  package var replacement = "$1"
  package var action = RelabelAction.replace

  package init() {}

  /// Reads and checks one rule.
  package init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("source_labels", &sourceLabels)
    if let member = section.member("separator"), let text = member.value.scalar {
      separator = text.isNull ? separator : text.text
    }
    try section.read("regex", &regex)
    var modulusValue = 0
    try section.read("modulus", &modulusValue)
    guard modulusValue >= 0 else { throw section.error("modulus", "must not be negative") }
    modulus = UInt64(modulusValue)
    try section.read("target_label", &targetLabel)
    try section.read("replacement", &replacement)
    try readAction(&section)
    try section.finish()
    try check(section)
  }

  private mutating func readAction(_ section: inout SettingSection) throws(ConfigurationError) {
    guard let scalar = try section.scalar("action") else { return }
    guard let known = RelabelAction(rawValue: scalar.text.lowercased()) else {
      throw section.error(
        "action", "is an unknown action `\(scalar.text)`", at: .scalar(scalar))
    }
    action = known
  }

  private func check(_ section: SettingSection) throws(ConfigurationError) {
    do {
      _ = try Regex(whole: regex)
    } catch {
      throw section.error("regex", "is malformed: \(error.message)")
    }
    let name = action.rawValue
    if action == .hashmod, modulus == 0 {
      throw section.error("modulus", "must be above 0 for `hashmod`")
    }
    switch action {
    case .replace, .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
      guard !targetLabel.isEmpty else {
        throw section.error("target_label", "is needed for `\(name)`")
      }
    case .keep, .drop, .labelmap, .labeldrop, .labelkeep: break
    }
    let isName = LabelNames.isValid(targetLabel)
    switch action {
    case .replace:
      guard isName || targetLabel.contains("$") && LabelNames.isTemplate(targetLabel) else {
        throw section.error("target_label", "is no label name: `\(targetLabel)`")
      }
    case .hashmod, .lowercase, .uppercase, .keepequal, .dropequal:
      guard isName else {
        throw section.error("target_label", "is no label name: `\(targetLabel)`")
      }
    case .labelmap:
      guard LabelNames.isTemplate(replacement) else {
        throw section.error("replacement", "makes no label name: `\(replacement)`")
      }
    case .keep, .drop, .labeldrop, .labelkeep: break
    }
    if action == .lowercase || action == .uppercase, replacement != "$1" {
      throw section.error("replacement", "cannot be set for `\(name)`")
    }
    try checkLoneFields(section)
  }

  private func checkLoneFields(_ section: SettingSection) throws(ConfigurationError) {
    let name = action.rawValue
    switch action {
    case .keepequal, .dropequal:
      guard !section.hasKey("regex"), modulus == 0, separator == ";", replacement == "$1" else {
        throw section.error(
          "action", "`\(name)` needs source_labels and target_label and no other setting")
      }
    case .labeldrop, .labelkeep:
      guard !section.hasKey("source_labels"), targetLabel.isEmpty, modulus == 0, separator == ";",
        replacement == "$1"
      else {
        throw section.error("action", "`\(name)` needs regex and no other setting")
      }
    default: break
    }
  }
}

/// What is a label's name.
package enum LabelNames {
  /// `[a-zA-Z_][a-zA-Z0-9_]*`.
  package static func isValid(_ name: String) -> Bool {
    guard let first = name.utf8.first, !(48...57).contains(first) else { return false }
    return name.utf8.allSatisfy(isNameByte)
  }

  /// A name whose parts may be `$1`, `${1}` or `${name}`.
  package static func isTemplate(_ text: String) -> Bool {
    var bytes = Array(text.utf8)[...]
    guard !bytes.isEmpty else { return false }
    var isFirst = true
    while let byte = bytes.first {
      if byte == UInt8(ascii: "$") {
        bytes = bytes.dropFirst()
        let isBraced = bytes.first == UInt8(ascii: "{")
        if isBraced { bytes = bytes.dropFirst() }
        let name = bytes.prefix { isNameByte($0) }
        guard !name.isEmpty else { return false }
        bytes = bytes[name.endIndex...]
        if isBraced {
          guard bytes.first == UInt8(ascii: "}") else { return false }
          bytes = bytes.dropFirst()
        }
      } else {
        guard isNameByte(byte), !isFirst || !(48...57).contains(byte) else { return false }
        bytes = bytes.dropFirst()
      }
      isFirst = false
    }
    return true
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"):
      true
    default: false
    }
  }
}
