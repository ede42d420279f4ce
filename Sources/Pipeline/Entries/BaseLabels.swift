import Bytes
import TelemetryModel

/// The labels with which a source's lines come, prepared for the stages.
final class BaseLabels {
  let labels: Labels
  /// Unique within the pipeline.
  let id: Int
  /// All values, one after another.
  let bytes: [UInt8]
  /// Each label's slot and where its value lies in `bytes`.
  let values: [(slot: Int, range: Range<Int>)]

  init(_ labels: Labels, id: Int, slots: SlotTable) {
    self.labels = labels
    self.id = id
    var bytes: [UInt8] = []
    var values: [(slot: Int, range: Range<Int>)] = []
    for label in labels.sorted {
      let start = bytes.count
      bytes.append(utf8: label.value)
      values.append((slots.slot(label.name), start..<bytes.count))
    }
    self.bytes = bytes
    self.values = values
  }
}

/// Makes label sets of base labels and changes, the same set of storage for the same labels.
struct LabelSets {
  /// More sets than this at a time are forgotten, and made again as they come.
  private static let countMax = 10_000
  private var table = LabelTable()
  private var sets: [Labels] = []

  /// The labels of `entry`, whose key is `key`.
  mutating func labels(of entry: borrowing StageEntry, key: LabelKey, slots: SlotTable) -> Labels {
    if table.count >= LabelSets.countMax {
      table.removeAll()
      sets.removeAll(keepingCapacity: true)
    }
    let (number, isNew) = table.number(of: key)
    if isNew { sets.append(entry.labels(slots)) }
    return sets[number]
  }
}

/// Bytes that are the same for the same labels of one pipeline.
struct LabelKey: Hashable {
  var bytes: [UInt8] = []

  static func == (a: LabelKey, b: LabelKey) -> Bool {
    guard a.bytes.count == b.bytes.count else { return false }
    return a.bytes.withUnsafeBytes { x in
      b.bytes.withUnsafeBytes { y in x.elementsEqual(y) }
    }
  }

  func hash(into hasher: inout Hasher) {
    bytes.withUnsafeBytes { hasher.combine(bytes: $0) }
  }
}
