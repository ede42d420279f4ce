import LogQL
import TelemetryModel

/// A request of the query side was malformed or cannot be answered.
package struct QueryAPIError: Error, Hashable {
  package var message: String
  package var status: Int

  package init(_ message: String, status: Int = 400) {
    self.message = message
    self.status = status
  }
}

/// The items of a query string and of a form body, read as Loki does.
package struct QueryParameters: Sendable {
  /// In order; a name may come repeatedly, and then its first value counts.
  package let items: [(name: String, value: String)]

  package init(_ items: [(name: String, value: String)]) { self.items = items }

  /// The first value of `name`, empty when it is missing.
  subscript(_ name: String) -> String { items.first { $0.name == name }?.value ?? "" }

  func values(_ name: String) -> [String] { items.filter { $0.name == name }.map(\.value) }

  /// As Go's `strconv.Atoi`.
  func integer(_ name: String, default fallback: Int) throws(QueryAPIError) -> Int {
    let text = self[name]
    if text.isEmpty { return fallback }
    let digits = text.hasPrefix("+") || text.hasPrefix("-") ? text.dropFirst() : text[...]
    guard !digits.isEmpty, digits.utf8.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }) else {
      throw QueryAPIError("strconv.Atoi: parsing \(quoted(text)): invalid syntax")
    }
    guard let value = Int(text) else {
      throw QueryAPIError("strconv.Atoi: parsing \(quoted(text)): value out of range")
    }
    return value
  }

  /// A positive `limit`.
  func limit(default fallback: Int) throws(QueryAPIError) -> Int {
    let limit = try integer("limit", default: fallback)
    guard limit > 0 else { throw QueryAPIError("limit must be a positive value") }
    return limit
  }

  /// Seconds, or a duration with units; nil when missing.
  func duration(_ name: String) throws(QueryAPIError) -> TimeSpan? {
    let text = self[name]
    if text.isEmpty { return nil }
    if let seconds = Double(text) {
      // What Go makes of it is no more than negative.
      if seconds.isNaN { return TimeSpan(nanoseconds: .min) }
      let nanoseconds = seconds * 1e9
      guard nanoseconds.magnitude < 9.2e18 else {
        throw QueryAPIError("cannot parse \(quoted(text)) to a valid duration. It overflows int64")
      }
      return TimeSpan(nanoseconds: Int64(nanoseconds))
    }
    if case .success(let span) = DurationText.parsePrometheus(text) { return span }
    throw QueryAPIError("cannot parse \(quoted(text)) to a valid duration")
  }

  /// `start`, `end` and `since`: an hour up to now by default, or `defaultSpan`.
  func bounds(now: Timestamp, defaultSpan: TimeSpan = .hours(1)) throws(QueryAPIError)
    -> (start: Timestamp, end: Timestamp)
  {
    var span = defaultSpan
    if !self["since"].isEmpty {
      switch DurationText.parsePrometheus(self["since"]) {
      case .success(let since): span = since
      case .failure(let reason):
        throw QueryAPIError("could not parse 'since' parameter: \(reason.message)")
      }
    }
    let end = try timestamp("end", default: now)
    let start = try timestamp("start", default: min(end, now) - span)
    return (start, end)
  }

  private func timestamp(_ name: String, default fallback: Timestamp) throws(QueryAPIError)
    -> Timestamp
  {
    do {
      return try time(name, default: fallback)
    } catch {
      throw QueryAPIError("could not parse '\(name)' parameter: \(error.message)")
    }
  }

  /// Seconds (up to ten digits, or with a fraction), nanoseconds, or RFC 3339.
  func time(_ name: String, default fallback: Timestamp) throws(QueryAPIError) -> Timestamp {
    let text = self[name]
    if text.isEmpty { return fallback }
    if text.contains("."), let seconds = Double(text), seconds.magnitude < 9.2e9 {
      let whole = seconds.rounded(.towardZero)
      let fraction = ((seconds - whole) * 1000).rounded(.toNearestOrAwayFromZero) / 1000
      return Timestamp(seconds: Int64(whole)) + TimeSpan(nanoseconds: Int64(fraction * 1e9))
    }
    if let number = Int64(text) {
      return text.utf8.count <= 10
        ? Timestamp(seconds: number) : Timestamp(nanoseconds: number)
    }
    if let time = try? GoTimeLayout.rfc3339Nano.parse(text), let timestamp = time.timestamp {
      return timestamp
    }
    let digits = text.hasPrefix("+") || text.hasPrefix("-") ? text.dropFirst() : text[...]
    let isNumber = !digits.isEmpty && digits.utf8.allSatisfy { $0 >= 0x30 && $0 <= 0x39 }
    throw QueryAPIError(
      "strconv.ParseInt: parsing \(quoted(text)): "
        + (isNumber ? "value out of range" : "invalid syntax"))
  }
}
