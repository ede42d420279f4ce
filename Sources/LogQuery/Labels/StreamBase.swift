import Bytes
import LogStore
import TelemetryModel

/// A stream's labels in the form that rows are built on, made once for each stream.
final class StreamBase {
  /// Keeps the object alive that this is found by.
  let stream: StreamReference
  /// Numbers of the names, in the order of the labels.
  let ids: [LabelNames.ID]
  /// As stored; valid as long as this object.
  let values: [UnsafeRawBufferPointer]
  /// What each label adds to the key of a set that holds it.
  let keys: [LabelSetKey]
  /// The rows' labels when stages and metadata change nothing.
  var plain: RowLabels?
  private let storage = ByteArena()

  init(_ stream: StreamReference, _ names: LabelNames) {
    self.stream = stream
    let storage = storage
    ids = stream.labels.sorted.map { names.id(of: $0.name) }
    let values = stream.labels.sorted.map { storage.copy($0.value) }
    self.values = values
    keys = zip(ids, values).map { id, value in
      LabelSetKey(name: names.bytes(id), value: value, category: .stream)
    }
  }
}

/// Where a row's label comes from.
enum LabelCategory: UInt8, Sendable {
  case stream
  case structuredMetadata
  case parsed
}

/// Stands for a set of labels with their categories, whatever their order: the sum over its
/// labels of two independent 64-bit hashes, seeded at random for each process.
struct LabelSetKey: Hashable {
  var first: UInt64 = 0
  var second: UInt64 = 0

  init() {}

  init(name: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer, category: LabelCategory) {
    self.init(nameSeed: LabelSetKey.seed(name, category), value: value)
  }

  init(nameSeed: UInt64, value: UnsafeRawBufferPointer) {
    first = XXH3.hash(value, seed: nameSeed)
    var mixed = first ^ (nameSeed &* 0x9E37_79B9_7F4A_7C15)
    mixed = (mixed ^ (mixed >> 32)) &* 0xD6E8_FEB8_6659_FD93
    second = mixed ^ (mixed >> 29)
  }

  static func seed(_ name: UnsafeRawBufferPointer, _ category: LabelCategory) -> UInt64 {
    XXH3.hash(name, seed: processSeed &+ UInt64(category.rawValue))
  }

  static func += (a: inout LabelSetKey, b: LabelSetKey) {
    a.first &+= b.first
    a.second &+= b.second
  }

  private static let processSeed = UInt64.random(in: .min ... .max)
}
