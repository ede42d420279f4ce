import Bytes
import Synchronization
import TelemetryModel

/// Labels of lines that come out, shared by all lines that have them.
final class LabelSet {
  let labels: Labels
  /// No other set of this process has it.
  let number: UInt64

  private static let last = Atomic<UInt64>(0)

  init(_ labels: Labels) {
    self.labels = labels
    number = LabelSet.last.add(1, ordering: .relaxed).newValue
  }
}

/// The labels with which a source's lines come, prepared for the stages.
final class BaseLabels {
  let labelSet: LabelSet
  /// Unique within the pipeline.
  let id: Int
  /// All values, one after another.
  let bytes: [UInt8]
  /// Each label's slot and where its value lies in `bytes`.
  let values: [(slot: Int, range: Range<Int>)]
  /// What the extracted map begins with where `bytes` come first, by slot.
  let initialValues: [ExtractedValue]

  var labels: Labels { labelSet.labels }

  init(_ labels: Labels, id: Int, slots: SlotTable) {
    labelSet = LabelSet(labels)
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
    var initial = [ExtractedValue](repeating: .absent, count: slots.count)
    for (slot, range) in values { initial[slot] = .text(range) }
    initialValues = initial
  }

  func has(_ slot: Int) -> Bool {
    // By index: a loop over the array itself counts references.
    for index in values.indices where values[index].slot == slot { return true }
    return false
  }
}

/// Makes label sets of base labels and changes, the same set of storage for the same labels.
struct LabelSets {
  /// More sets than this at a time are forgotten, and made again as they come.
  private static let countMax = 10_000
  private var table = LabelTable()
  private var sets: [LabelSet] = []

  /// The labels of `entry`, whose key is `key`; they live until the next call.
  mutating func set(
    of entry: borrowing StageEntry, key: LabelKey, slots: SlotTable
  ) -> Unmanaged<LabelSet> {
    if table.count >= LabelSets.countMax {
      table.removeAll()
      sets.removeAll(keepingCapacity: true)
    }
    let (number, isNew) = table.number(of: key)
    if isNew { sets.append(LabelSet(entry.labels(slots))) }
    return Unmanaged.passUnretained(sets[number])
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
