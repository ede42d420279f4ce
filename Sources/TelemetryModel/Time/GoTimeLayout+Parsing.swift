/// Why a text is no time of a layout, in Go's words.
package struct GoTimeError: Error, Hashable {
  /// `parsing time "x" as "2006": cannot parse "x" as "2006"`.
  package let message: String
}

extension GoTimeLayout {
  /// Reads a time as Go's `time.ParseInLocation` does.
  ///
  /// Parts that the layout lacks are those of `0000-01-01 00:00:00`; without an offset or a zone's
  /// name the time is one of `zone`'s clocks. A fraction may follow the seconds although the
  /// layout has none.
  package func parse(_ value: String, in zone: TimeZoneRules = .utc) throws(GoTimeError)
    -> ZonedTime
  {
    var reader = GoTimeReader(value: Array(value.utf8))
    for (index, part) in parts.enumerated() {
      let before = reader.at
      do {
        switch part {
        case .literal(let bytes):
          try reader.skip(bytes)
        case .element(let element, _):
          try reader.read(element, nextElement: elementAfter(index))
        }
      } catch {
        throw failure(error, value, part, Array(value.utf8)[before...], reader)
      }
    }
    guard reader.at == reader.value.count else {
      let rest = String(decoding: reader.value[reader.at...], as: UTF8.self)
      throw GoTimeError(message: "parsing time \(quoted(value)): extra text: \(quoted(rest))")
    }
    do {
      return try reader.time(in: zone)
    } catch {
      throw failure(error, value, .literal([]), [], reader)
    }
  }

  private func elementAfter(_ index: Int) -> Element? {
    for part in parts[(index + 1)...] {
      if case .element(let element, _) = part { return element }
    }
    return nil
  }

  private func failure(
    _ reason: GoTimeReader.Failure, _ value: String, _ part: Part, _ rest: ArraySlice<UInt8>,
    _ reader: GoTimeReader
  ) -> GoTimeError {
    switch reason {
    case .range(let what):
      return GoTimeError(message: "parsing time \(quoted(value)): \(what)")
    case .mismatch:
      let expected: [UInt8] =
        switch part {
        case .literal(let bytes): bytes
        case .element(_, let written): written
        }
      // A literal is compared byte by byte: what is left is named, as Go does.
      let left: ArraySlice<UInt8> =
        if case .literal = part { reader.value[reader.at...] } else { rest }
      return GoTimeError(
        message: "parsing time \(quoted(value)) as \(quoted(text)): cannot parse "
          + "\(quoted(String(decoding: left, as: UTF8.self))) as "
          + quoted(String(decoding: expected, as: UTF8.self)))
    }
  }
}
