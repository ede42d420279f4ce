import Bytes

/// Why the bytes of a zone were refused.
package enum TimeZoneError: Error, Hashable {
  /// Not a TZif file, or cut short, or its counts do not fit its size.
  case malformed(String)
}

extension TimeZoneRules {
  /// The most bytes of a zone's file that are read; the largest in use has under 4 KiB.
  package static let fileBytesMax = 1 << 18

  /// Reads a TZif file (RFC 8536, versions 1 to 4).
  package convenience init(name: String, tzif bytes: [UInt8]) throws(TimeZoneError) {
    guard bytes.count <= TimeZoneRules.fileBytesMax else {
      throw .malformed("time zone \(name): \(bytes.count) bytes are too many")
    }
    let first = try TZifBlock(bytes, at: 0, timeBytes: 4, zone: name)
    guard first.version >= 2 else {
      self.init(
        name: name, kinds: first.kinds, transitions: first.transitions, continuation: nil)
      return
    }
    let block = try TZifBlock(bytes, at: first.end, timeBytes: 8, zone: name)
    self.init(
      name: name, kinds: block.kinds, transitions: block.transitions,
      continuation: PosixTimeZone(TZifBlock.footer(bytes, at: block.end)))
  }
}

/// One header of a TZif file with the data behind it.
private struct TZifBlock {
  let version: Int
  let kinds: [TimeZoneRules.Kind]
  let transitions: [TimeZoneRules.Transition]
  /// Where the next header or the footer starts.
  let end: Int

  private static let headerBytes = 44

  init(_ bytes: [UInt8], at start: Int, timeBytes: Int, zone: String) throws(TimeZoneError) {
    let cut = TimeZoneError.malformed("time zone \(zone): the file is cut short")
    guard bytes.count >= start + TZifBlock.headerBytes else { throw cut }
    guard bytes[start..<(start + 4)].elementsEqual("TZif".utf8) else {
      throw .malformed("time zone \(zone): not a TZif file")
    }
    let versionByte = bytes[start + 4]
    version = versionByte == 0 ? 1 : Int(versionByte) - Int(UInt8(ascii: "0"))
    let counts = (0..<6).map { Int(TZifBlock.number(bytes, start + 20 + 4 * $0, 4)) }
    let (utCount, standardCount, leapCount) = (counts[0], counts[1], counts[2])
    let (timeCount, kindCount, textCount) = (counts[3], counts[4], counts[5])
    let allCounts = counts.allSatisfy { (0...bytes.count).contains($0) }
    guard allCounts, kindCount > 0, kindCount <= 256 else { throw cut }
    let times = start + TZifBlock.headerBytes
    let indexes = times + timeCount * timeBytes
    let infos = indexes + timeCount
    let text = infos + kindCount * 6
    let leaps = text + textCount
    end = leaps + leapCount * (timeBytes + 4) + standardCount + utCount
    guard end <= bytes.count else { throw cut }
    let names = bytes[text..<leaps]
    kinds = (0..<kindCount).map { index in
      let at = infos + index * 6
      let nameStart = min(names.endIndex, text + Int(bytes[at + 5]))
      let name = names[nameStart...].prefix { $0 != 0 }
      return TimeZoneRules.Kind(
        offsetSeconds: Int(TZifBlock.number(bytes, at, 4)), isDaylightSaving: bytes[at + 4] != 0,
        abbreviation: String(decoding: name, as: UTF8.self))
    }
    var changes: [TimeZoneRules.Transition] = []
    changes.reserveCapacity(timeCount)
    for index in 0..<timeCount {
      let kind = Int(bytes[indexes + index])
      let time = Int(TZifBlock.number(bytes, times + index * timeBytes, timeBytes))
      guard kind < kindCount, time > changes.last?.unixSeconds ?? Int.min else {
        throw .malformed("time zone \(zone): its transitions are out of order")
      }
      changes.append(TimeZoneRules.Transition(unixSeconds: time, kind: kind))
    }
    transitions = changes
  }

  /// A signed big-endian number; the caller has checked the range.
  private static func number(_ bytes: [UInt8], _ at: Int, _ count: Int) -> Int64 {
    var value: UInt64 = 0
    for byte in bytes[at..<(at + count)] { value = value << 8 | UInt64(byte) }
    return count == 4 ? Int64(Int32(truncatingIfNeeded: value)) : Int64(bitPattern: value)
  }

  /// The text between the two newlines at the file's end.
  static func footer(_ bytes: [UInt8], at start: Int) -> String {
    guard start < bytes.count, bytes[start] == UInt8(ascii: "\n") else { return "" }
    let text = bytes[(start + 1)...].prefix { $0 != UInt8(ascii: "\n") }
    return String(decoding: text, as: UTF8.self)
  }
}
