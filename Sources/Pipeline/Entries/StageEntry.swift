import Bytes
import LogSources
import TelemetryModel
import WireFormats

/// A line on its way through the stages.
///
/// All text of the entry lies in one array, and values are ranges of it: stages append to it and
/// never take away, so that nothing is allocated for a value.
struct StageEntry {
  /// The line as it came, the labels' values, and whatever stages made.
  var bytes: [UInt8] = []
  /// Where the line lies in `bytes`.
  var line = 0..<0
  var timestamp: Timestamp
  /// The time when `timestamp` cannot hold it and stands at an end of its range.
  var distantTime: DistantTime?
  var base: BaseLabels
  /// Labels that stages set or took away (nil), one for each slot, sorted by slot.
  var labelChanges: [(slot: Int, value: Range<Int>?)] = []
  /// The extracted map, by slot.
  var values: [ExtractedValue] = []
  /// Extracted values whose names only the line knows: no stage asks for them by name.
  var looseValues: [(name: Range<Int>, value: ExtractedValue)] = []
  var structuredMetadata: [Label] = []
  var origin: LineOrigin
  /// The other lines of a block.
  var earlierOrigins: [LineOrigin] = []

  /// Lines that came in and stand in this one.
  var inputCount: UInt64 { 1 + UInt64(earlierOrigins.count) }

  init(base: BaseLabels, timestamp: Timestamp, origin: LineOrigin) {
    self.base = base
    self.timestamp = timestamp
    self.origin = origin
  }

  /// Begins anew with a line of the same base, keeping what memory there is.
  ///
  /// The labels' values come before the line, so that their places are always the same.
  mutating func reset(
    line text: UnsafeRawBufferPointer, timestamp: Timestamp, structuredMetadata: [Label],
    origin: LineOrigin, slotCount count: Int
  ) {
    bytes.removeAll(keepingCapacity: true)
    // It lives in this entry, which keeps it meanwhile.
    let base = Unmanaged.passUnretained(base)
    base._withUnsafeGuaranteedRef { base in
      base.bytes.withUnsafeBytes { bytes.append(contentsOf: $0) }
    }
    line = bytes.count..<(bytes.count + text.count)
    bytes.append(contentsOf: text)
    self.timestamp = timestamp
    distantTime = nil
    if !labelChanges.isEmpty { labelChanges.removeAll(keepingCapacity: true) }
    if values.count != count { values = Array(repeating: .absent, count: count) }
    base._withUnsafeGuaranteedRef { base in
      base.initialValues.withUnsafeBufferPointer { initial in
        values.withUnsafeMutableBufferPointer { values in
          for slot in 0..<count { values[slot] = slot < initial.count ? initial[slot] : .absent }
        }
      }
    }
    if !looseValues.isEmpty { looseValues.removeAll(keepingCapacity: true) }
    if !structuredMetadata.isEmpty || !self.structuredMetadata.isEmpty {
      self.structuredMetadata = structuredMetadata
    }
    self.origin = origin
    if !earlierOrigins.isEmpty { earlierOrigins = [] }
  }

  /// Puts the labels into the extracted map, as each nested pipeline begins.
  mutating func takeLabels() {
    let offset = bytes.count
    bytes.append(contentsOf: base.bytes)
    for (slot, range) in base.values
    where labelChanges.isEmpty || !labelChanges.contains(where: { $0.slot == slot }) {
      self[slot] = .text((range.lowerBound + offset)..<(range.upperBound + offset))
    }
    for change in labelChanges {
      if let range = change.value { self[change.slot] = .text(range) }
    }
  }

  /// The extracted value of a slot; slots made after the entry began are absent.
  subscript(slot: Int) -> ExtractedValue {
    get { slot < values.count ? values[slot] : .absent }
    set {
      while values.count <= slot { values.append(.absent) }
      values[slot] = newValue
    }
  }

  /// The extracted value as text, numbers and bools written as Go writes them; nil when absent or
  /// null.
  mutating func text(_ slot: Int) -> Range<Int>? { text(self[slot]) }

  /// A value as text, as ``text(_:)-(Int)`` has it.
  mutating func text(_ value: ExtractedValue) -> Range<Int>? {
    switch value {
    case .absent, .null: return nil
    case .bool(let flag): return append(Array((flag ? "true" : "false").utf8))
    case .number(let value):
      let start = bytes.count
      GoFloat.append(value, .decimal, to: &bytes)
      return start..<bytes.count
    case .text(let range): return range
    }
  }

  /// What a stage works on: the extracted value `source` as text, or the line without one.
  mutating func input(_ source: Int?) -> Range<Int>? {
    guard let source else { return line }
    return text(source)
  }

  func string(_ range: Range<Int>) -> String { String(decoding: bytes[range], as: UTF8.self) }

  /// Appends text and says where it lies.
  mutating func append(_ text: some Collection<UInt8>) -> Range<Int> {
    let start = bytes.count
    bytes.append(contentsOf: text)
    return start..<bytes.count
  }

  /// Runs `body` over some of the entry's text.
  func withText<T>(_ range: Range<Int>, _ body: (UnsafeRawBufferPointer) -> T) -> T {
    bytes.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[range])) }
  }

  func isUTF8(_ range: Range<Int>) -> Bool {
    withText(range) { $0.allSatisfy { $0 < 0x80 } || UTF8Sequence.isValid($0) }
  }
}

/// A time outside of the years 1677 to 2262.
package struct DistantTime: Hashable, Sendable {
  /// Since 1970-01-01T00:00:00Z.
  package let seconds: Int
  package let nanosecond: Int
}

/// Labels.
extension StageEntry {
  /// The label's value, or nil when there is none.
  mutating func label(_ slot: Int) -> Range<Int>? {
    if let change = labelChanges.first(where: { $0.slot == slot }) { return change.value }
    guard let (_, range) = base.values.first(where: { $0.slot == slot }) else { return nil }
    return append(base.bytes[range])
  }

  /// Whether the label is there, or was and is taken away.
  func hasLabel(_ slot: Int) -> Bool {
    for index in labelChanges.indices where labelChanges[index].slot == slot { return true }
    return Unmanaged.passUnretained(base)._withUnsafeGuaranteedRef { $0.has(slot) }
  }

  mutating func setLabel(_ slot: Int, _ value: Range<Int>) { change(slot, value) }

  mutating func removeLabel(_ slot: Int) {
    if base.values.contains(where: { $0.slot == slot }) {
      change(slot, nil)
    } else {
      labelChanges.removeAll { $0.slot == slot }
    }
  }

  private mutating func change(_ slot: Int, _ value: Range<Int>?) {
    // From the end: labels are mostly set in the order of their slots.
    var at = labelChanges.count
    while at > 0, labelChanges[at - 1].slot > slot { at -= 1 }
    if at > 0, labelChanges[at - 1].slot == slot {
      labelChanges[at - 1].value = value
    } else if at == labelChanges.count {
      labelChanges.append((slot, value))
    } else {
      labelChanges.insert((slot, value), at: at)
    }
  }

  /// The slots of all labels.
  var labelSlots: [Int] {
    let kept = base.values.map(\.slot).filter { slot in
      !labelChanges.contains { $0.slot == slot }
    }
    return kept + labelChanges.filter { $0.value != nil }.map(\.slot)
  }

  /// The labels as they are now.
  func labels(_ slots: SlotTable) -> Labels {
    var made: [Label] = []
    for (slot, range) in base.values where !labelChanges.contains(where: { $0.slot == slot }) {
      made.append(Label(slots.names[slot], String(decoding: base.bytes[range], as: UTF8.self)))
    }
    for change in labelChanges {
      guard let range = change.value else { continue }
      made.append(Label(slots.names[change.slot], string(range)))
    }
    return Labels(made.sorted { $0.name.precedesByBytes($1.name) })
  }

  /// Writes the key of the labels in place of what `key` was: the base's number, and each change's
  /// slot, length (-1 for one that was taken away) and bytes.
  func writeKey(_ key: inout LabelKey) {
    var size = 4 + 8 * labelChanges.count
    for change in labelChanges { size += change.value?.count ?? 0 }
    let id = base.id
    bytes.withUnsafeBytes { from in
      key.write(byteCount: size) { to in
        to.storeBytes(of: Int32(truncatingIfNeeded: id).littleEndian, as: Int32.self)
        var at = 4
        // In bounds: `size` is the sum of all that is written.
        for (slot, value) in labelChanges {
          let length = value.map { Int32(truncatingIfNeeded: $0.count) } ?? -1
          to.storeBytes(
            of: Int32(truncatingIfNeeded: slot).littleEndian, toByteOffset: at, as: Int32.self)
          to.storeBytes(of: length.littleEndian, toByteOffset: at + 4, as: Int32.self)
          at += 8
          guard let value else { continue }
          UnsafeMutableRawBufferPointer(rebasing: to[at..<(at + value.count)])
            .copyMemory(from: UnsafeRawBufferPointer(rebasing: from[value]))
          at += value.count
        }
      }
    }
  }
}
