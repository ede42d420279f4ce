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
    slotBits = values.reduce(0) { $1.slot < 64 ? $0 | 1 << UInt64($1.slot) : $0 }
    var initial = [ExtractedValue](repeating: .absent, count: slots.count)
    for (slot, range) in values { initial[slot] = .text(range) }
    initialValues = initial
  }

  /// Those of the first 64 slots that are the labels' own.
  private let slotBits: UInt64

  func has(_ slot: Int) -> Bool {
    if slot < 64 { return slotBits &>> UInt64(slot) & 1 != 0 }
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
  private var key = LabelKey()

  /// The labels of `entry`; they live until the next call.
  mutating func set(
    of entry: borrowing StageEntry, _ shared: StageResources
  ) -> Unmanaged<LabelSet> {
    entry.writeKey(&key)
    if table.count >= LabelSets.countMax {
      table.removeAll()
      sets.removeAll(keepingCapacity: true)
    }
    let (number, isNew) = table.number(of: key)
    if isNew { sets.append(LabelSet(entry.labels(shared.slots))) }
    return Unmanaged.passUnretained(sets[number])
  }
}

/// Bytes that are the same for the same labels of one pipeline.
struct LabelKey: Hashable {
  /// More than `count`, so that it need not change with each key.
  private var room = [UInt8](repeating: 0, count: 64)
  private var count = 0

  /// Puts `byteCount` bytes, which `body` writes all of, in place of what was there.
  @inline(__always)
  mutating func write(byteCount: Int, _ body: (UnsafeMutableRawBufferPointer) -> Void) {
    if room.count < byteCount { room = [UInt8](repeating: 0, count: byteCount * 2) }
    count = byteCount
    room.withUnsafeMutableBytes { body(UnsafeMutableRawBufferPointer(rebasing: $0[..<byteCount])) }
  }

  @inline(__always)
  func withBytes<T>(_ body: (UnsafeRawBufferPointer) -> T) -> T {
    room.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
  }

  static func == (a: LabelKey, b: LabelKey) -> Bool {
    a.withBytes { x in b.withBytes { y in x.equals(y) } }
  }

  func hash(into hasher: inout Hasher) {
    withBytes { hasher.combine(bytes: $0) }
  }
}
