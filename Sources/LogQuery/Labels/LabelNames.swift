/// The label names that a pipeline has met, by number.
///
/// The names that stages and streams use are pinned; those of parsed keys are forgotten when there
/// are too many, between two rows.
final class LabelNames {
  typealias ID = Int

  private var table = ByteTable()
  private(set) var texts: [String] = []
  private var extractedIDs: [Int32] = []
  private var pinned = 0
  /// Rises each time that numbers are taken back: caches of them are stale then.
  private(set) var generation = 0

  private static let namesMax = 20_000
  static let duplicateSuffix = "_extracted"

  /// `__error__` and `__error_details__` have fixed numbers.
  static let error: ID = 0
  static let errorDetails: ID = 1

  init() {
    _ = id(of: "__error__")
    _ = id(of: "__error_details__")
    pin()
  }

  var count: Int { texts.count }

  /// Names known so far stay for good.
  func pin() { pinned = texts.count }

  var isFull: Bool { texts.count > pinned + LabelNames.namesMax }

  /// Takes the numbers of names back that are not pinned.
  func forget() {
    table.truncate(to: pinned)
    texts.removeSubrange(pinned...)
    extractedIDs = [Int32](repeating: -1, count: pinned)
    generation += 1
  }

  func bytes(_ id: ID) -> UnsafeRawBufferPointer { table.texts[id] }

  func id(of bytes: UnsafeRawBufferPointer) -> ID {
    let (number, isNew) = table.insert(bytes)
    if isNew {
      texts.append(String(decoding: bytes, as: UTF8.self))
      extractedIDs.append(-1)
    }
    return number
  }

  func id(of text: String) -> ID {
    var text = text
    return text.withUTF8 { id(of: UnsafeRawBufferPointer($0)) }
  }

  /// The name with `_extracted` behind it.
  func extracted(_ id: ID) -> ID {
    if extractedIDs[id] >= 0 { return Int(extractedIDs[id]) }
    let made = self.id(of: texts[id] + LabelNames.duplicateSuffix)
    extractedIDs[id] = Int32(made)
    return made
  }
}
