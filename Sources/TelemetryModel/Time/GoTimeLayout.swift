/// A layout of Go's `time` package: the reference time `Mon Jan 2 15:04:05 MST 2006` written the
/// way a time is to be written.
///
/// Taken apart once; formats and parses any number of times. Source: Go's documentation of
/// `time.Layout`, behaviour as of Go 1.24.
package struct GoTimeLayout: Hashable, Sendable {
  /// What stands for one part of a time.
  enum Element: Hashable, Sendable {
    case longMonth, shortMonth, month, zeroMonth
    case longWeekday, shortWeekday
    case day, spaceDay, zeroDay, spaceDayOfYear, zeroDayOfYear
    case hour, hour12, zeroHour12
    case minute, zeroMinute, second, zeroSecond
    case longYear, year
    case upperHalfDay, lowerHalfDay
    case zoneName
    case offset(OffsetForm)
    /// `.000` (trimmed: `.999`), with the separator as written.
    case fraction(digits: Int, isTrimmed: Bool, separator: UInt8)
  }

  /// `Z07:00`, `-0700` and their kin.
  struct OffsetForm: Hashable, Sendable {
    /// `Z` stands for UTC.
    var allowsZ: Bool
    var hasColons: Bool
    var hasMinutes = true
    var hasSeconds = false
  }

  enum Part: Hashable, Sendable {
    case literal([UInt8])
    /// With the bytes that wrote it, for messages.
    case element(Element, written: [UInt8])
  }

  /// As written.
  package let text: String
  let parts: [Part]

  package init(_ text: String) {
    self.text = text
    parts = GoTimeLayout.split(Array(text.utf8))
  }

  private static func split(_ text: [UInt8]) -> [Part] {
    var parts: [Part] = []
    var literalStart = 0
    var at = 0
    while at < text.count {
      guard let (element, start, count) = element(in: text, at: at) else {
        at += 1
        continue
      }
      if start > literalStart { parts.append(.literal(Array(text[literalStart..<start]))) }
      at = start + count
      parts.append(.element(element, written: Array(text[start..<at])))
      literalStart = at
    }
    if literalStart < text.count { parts.append(.literal(Array(text[literalStart...]))) }
    return parts
  }

  /// Written out, longest first where one starts another.
  private static let plain: [UInt8: [(text: [UInt8], element: Element)]] = {
    let list: [(String, Element)] = [
      ("MST", .zoneName), ("01", .zeroMonth), ("02", .zeroDay), ("03", .zeroHour12),
      ("04", .zeroMinute), ("05", .zeroSecond), ("06", .year), ("002", .zeroDayOfYear),
      ("15", .hour), ("1", .month), ("2006", .longYear), ("2", .day), ("__2", .spaceDayOfYear),
      ("_2", .spaceDay), ("3", .hour12), ("4", .minute), ("5", .second), ("PM", .upperHalfDay),
      ("pm", .lowerHalfDay),
    ]
    let offsets: [(String, OffsetForm)] = [
      ("070000", OffsetForm(allowsZ: false, hasColons: false, hasSeconds: true)),
      ("07:00:00", OffsetForm(allowsZ: false, hasColons: true, hasSeconds: true)),
      ("0700", OffsetForm(allowsZ: false, hasColons: false)),
      ("07:00", OffsetForm(allowsZ: false, hasColons: true)),
      ("07", OffsetForm(allowsZ: false, hasColons: false, hasMinutes: false)),
    ]
    var table: [UInt8: [(text: [UInt8], element: Element)]] = [:]
    func add(_ text: String, _ element: Element) {
      let bytes = Array(text.utf8)
      table[bytes[0], default: []].append((bytes, element))
    }
    for (text, element) in list { add(text, element) }
    for (text, form) in offsets {
      add("-" + text, .offset(form))
      var withZ = form
      withZ.allowsZ = true
      add("Z" + text, .offset(withZ))
    }
    return table
  }()

  /// The element that starts at `at`, with the place of its first byte (`_2006` is a literal `_`
  /// and a year).
  private static func element(in text: [UInt8], at: Int) -> (Element, start: Int, count: Int)? {
    func starts(_ word: String) -> Bool { text[at...].starts(with: word.utf8) }
    switch text[at] {
    case UInt8(ascii: "J"), UInt8(ascii: "M"):
      let isMonth = text[at] == UInt8(ascii: "J")
      let long = isMonth ? "January" : "Monday"
      if starts(long) { return (isMonth ? .longMonth : .longWeekday, at, long.utf8.count) }
      if starts(isMonth ? "Jan" : "Mon"), !isLowerCase(text, at + 3) {
        return (isMonth ? .shortMonth : .shortWeekday, at, 3)
      }
    case UInt8(ascii: "_"):
      if starts("_2006") { return (.longYear, at + 1, 4) }
    case UInt8(ascii: "."), UInt8(ascii: ","):
      return fraction(in: text, at: at)
    default:
      break
    }
    for (word, element) in plain[text[at]] ?? [] where text[at...].starts(with: word) {
      return (element, at, word.count)
    }
    return nil
  }

  /// `.000` or `,999`, no digit behind it.
  private static func fraction(in text: [UInt8], at: Int) -> (Element, start: Int, count: Int)? {
    guard at + 1 < text.count else { return nil }
    let digit = text[at + 1]
    guard digit == UInt8(ascii: "0") || digit == UInt8(ascii: "9") else { return nil }
    var end = at + 1
    while end < text.count, text[end] == digit { end += 1 }
    if end < text.count, text[end].isDecimalDigit { return nil }
    let element = Element.fraction(
      digits: end - at - 1, isTrimmed: digit == UInt8(ascii: "9"), separator: text[at])
    return (element, at, end - at)
  }

  private static func isLowerCase(_ text: [UInt8], _ at: Int) -> Bool {
    at < text.count && (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(text[at])
  }
}

extension GoTimeLayout {
  package static let rfc3339 = GoTimeLayout("2006-01-02T15:04:05Z07:00")
  package static let rfc3339Nano = GoTimeLayout("2006-01-02T15:04:05.999999999Z07:00")
  /// How Go prints a time by default.
  package static let `default` = GoTimeLayout("2006-01-02 15:04:05.999999999 -0700 MST")

  /// The layouts that have names in Go's `time`: `RFC3339`, `ANSIC`, `UnixDate` …
  package static func named(_ name: String) -> GoTimeLayout? {
    let text: String? =
      switch name {
      case "ANSIC": "Mon Jan _2 15:04:05 2006"
      case "UnixDate": "Mon Jan _2 15:04:05 MST 2006"
      case "RubyDate": "Mon Jan 02 15:04:05 -0700 2006"
      case "RFC822": "02 Jan 06 15:04 MST"
      case "RFC822Z": "02 Jan 06 15:04 -0700"
      case "RFC850": "Monday, 02-Jan-06 15:04:05 MST"
      case "RFC1123": "Mon, 02 Jan 2006 15:04:05 MST"
      case "RFC1123Z": "Mon, 02 Jan 2006 15:04:05 -0700"
      case "RFC3339": rfc3339.text
      case "RFC3339Nano": rfc3339Nano.text
      default: nil
      }
    return text.map(GoTimeLayout.init)
  }

  static let monthNames = [
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
  ]
  static let weekdayNames = [
    "Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday",
  ]
}

extension UInt8 {
  var isDecimalDigit: Bool { self >= UInt8(ascii: "0") && self <= UInt8(ascii: "9") }
}
