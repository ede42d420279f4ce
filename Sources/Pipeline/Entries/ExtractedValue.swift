import Bytes

/// One value of the extracted map, as the stages pass it on.
enum ExtractedValue: Hashable {
  /// The name is not in the map.
  case absent
  /// The name is there and has no value: a JSON null, or a path that leads nowhere.
  case null
  case bool(Bool)
  case number(Double)
  /// Where the text lies in the entry's bytes.
  case text(Range<Int>)
}

/// Gives each name of labels and extracted values a small number.
final class SlotTable {
  private(set) var names: [String] = []
  private var slots: [ByteText: Int] = [:]

  private(set) var count = 0

  /// The slot of `name`, made if it has none.
  func slot(_ name: String) -> Int {
    if let slot = slots[name] { return slot }
    let slot = names.count
    slots[name] = slot
    names.append(name)
    count = names.count
    return slot
  }

  /// The slot of `name` if some stage or label has it.
  func known(_ name: String) -> Int? { slots[name] }
}
