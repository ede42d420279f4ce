/// Whole numbers in a request, read and refused as Go's strconv does.
enum GoNumber {
  struct Fault: Error {
    let message: String
  }

  static func int64(_ text: String) throws(Fault) -> Int64 {
    if let number = Int64(text) { return number }
    throw fault("ParseInt", text)
  }

  static func uint(_ text: String) throws(Fault) -> UInt64 {
    if !text.hasPrefix("+"), let number = UInt64(text) { return number }
    throw fault("ParseUint", text)
  }

  private static func fault(_ function: String, _ text: String) -> Fault {
    let digits = text.hasPrefix("-") || text.hasPrefix("+") ? text.dropFirst() : text[...]
    let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { (0x30...0x39).contains($0) }
    let reason = isNumber ? "value out of range" : "invalid syntax"
    return Fault(message: "strconv.\(function): parsing \"\(text)\": \(reason)")
  }

  /// `1`, `t`, `TRUE`, … as strconv.ParseBool; nil for anything else.
  static func bool(_ text: String) -> Bool? {
    switch text {
    case "1", "t", "T", "TRUE", "true", "True": true
    case "0", "f", "F", "FALSE", "false", "False": false
    default: nil
    }
  }
}
