/// How the clocks of a place differ from UTC, now and at every other time.
///
/// Immutable; compared by identity of content. Source: RFC 8536 (TZif) for named zones.
package final class TimeZoneRules: Sendable {
  /// What holds between two changes of the clocks.
  package struct Period: Hashable, Sendable {
    /// East of Greenwich is positive.
    package let offsetSeconds: Int
    package let abbreviation: String
    package let isDaylightSaving: Bool
    /// In seconds since the epoch; unbounded ends are `Int.min` and `Int.max`.
    package let range: Range<Int>
  }

  /// One kind of local time: what a change of the clocks switches to.
  struct Kind: Hashable, Sendable {
    var offsetSeconds: Int
    var isDaylightSaving: Bool
    var abbreviation: String
  }

  /// A change of the clocks: from this second on the kind holds.
  struct Transition: Hashable, Sendable {
    var unixSeconds: Int
    var kind: Int
  }

  /// `Europe/Berlin`, `UTC`, or empty for a fixed offset.
  package let name: String
  let kinds: [Kind]
  /// Sorted by time, times differ.
  let transitions: [Transition]
  /// What holds after the last transition, where the file tells.
  let continuation: PosixTimeZone?

  package static let utc = TimeZoneRules(name: "UTC", offsetSeconds: 0, abbreviation: "UTC")

  /// A zone whose clocks never change.
  package init(name: String = "", offsetSeconds: Int, abbreviation: String = "") {
    self.name = name
    kinds = [
      Kind(offsetSeconds: offsetSeconds, isDaylightSaving: false, abbreviation: abbreviation)
    ]
    transitions = []
    continuation = nil
  }

  /// `kinds` is not empty and every transition names one of them.
  init(
    name: String, kinds: [Kind], transitions: [Transition], continuation: PosixTimeZone?
  ) {
    self.name = name
    self.kinds = kinds
    self.transitions = transitions
    self.continuation = continuation
  }

  /// What holds at a moment given in seconds since the epoch.
  package func period(at unixSeconds: Int) -> Period {
    guard let first = transitions.first, unixSeconds >= first.unixSeconds else {
      let end = transitions.first?.unixSeconds ?? Int.max
      if transitions.isEmpty, let continuation {
        return continuation.period(at: unixSeconds, notBefore: Int.min)
      }
      return period(kinds[kindBeforeTransitions], from: Int.min, to: end)
    }
    var low = 0
    var high = transitions.count
    while high - low > 1 {
      let middle = (low + high) / 2
      if transitions[middle].unixSeconds <= unixSeconds { low = middle } else { high = middle }
    }
    if low == transitions.count - 1, let continuation {
      return continuation.period(at: unixSeconds, notBefore: transitions[low].unixSeconds)
    }
    let end = low + 1 < transitions.count ? transitions[low + 1].unixSeconds : Int.max
    return period(kinds[transitions[low].kind], from: transitions[low].unixSeconds, to: end)
  }

  /// The offset that `abbreviation` (as `CEST`) stands for near a moment; nil when the zone never
  /// used it. As Go's `Location.lookupName`.
  package func offset(of abbreviation: String, near unixSeconds: Int) -> Int? {
    for kind in kinds where kind.abbreviation == abbreviation {
      let period = period(at: unixSeconds - kind.offsetSeconds)
      if period.abbreviation == abbreviation { return period.offsetSeconds }
    }
    return kinds.first { $0.abbreviation == abbreviation }?.offsetSeconds
  }

  /// As Go chooses it: the first kind when no transition uses it or it is standard time.
  private var kindBeforeTransitions: Int {
    if !transitions.contains(where: { $0.kind == 0 }) { return 0 }
    if let first = transitions.first, kinds[first.kind].isDaylightSaving {
      var kind = first.kind - 1
      while kind >= 0 {
        if !kinds[kind].isDaylightSaving { return kind }
        kind -= 1
      }
    }
    return kinds.firstIndex { !$0.isDaylightSaving } ?? 0
  }

  private func period(_ kind: Kind, from start: Int, to end: Int) -> Period {
    Period(
      offsetSeconds: kind.offsetSeconds, abbreviation: kind.abbreviation,
      isDaylightSaving: kind.isDaylightSaving, range: start..<end)
  }
}

extension TimeZoneRules: Hashable {
  package static func == (a: TimeZoneRules, b: TimeZoneRules) -> Bool {
    a === b
      || (a.name == b.name && a.kinds == b.kinds && a.transitions == b.transitions
        && a.continuation == b.continuation)
  }

  package func hash(into hasher: inout Hasher) {
    hasher.combine(name)
    hasher.combine(kinds)
  }
}
