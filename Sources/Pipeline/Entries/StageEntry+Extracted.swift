import Bytes

/// The extracted map by names that only the line knows.
extension StageEntry {
  /// More loose values than this are left out.
  private static let looseValuesMax = 1024

  /// The value of `name`, in whichever place it is.
  func extracted(named name: String, _ slots: SlotTable) -> ExtractedValue {
    if let slot = slots.known(name) { return self[slot] }
    return looseIndex(name).map { looseValues[$0].value } ?? .absent
  }

  /// Sets the value of `name`, in the place where a later stage looks for it.
  mutating func extract(_ value: ExtractedValue, as name: String, _ slots: SlotTable) {
    if let slot = slots.known(name) {
      self[slot] = value
    } else if let index = looseIndex(name) {
      looseValues[index].value = value
    } else if looseValues.count < Self.looseValuesMax {
      looseValues.append((append(Array(name.utf8)), value))
    }
  }

  private func looseIndex(_ name: String) -> Int? {
    looseValues.firstIndex { bytes[$0.name].elementsEqual(name.utf8) }
  }

  /// Every name with its value, sorted by name.
  func allExtracted(_ slots: SlotTable) -> [(name: String, value: ExtractedValue)] {
    var all: [(name: String, value: ExtractedValue)] = []
    for (slot, value) in values.enumerated() where value != .absent {
      all.append((slots.names[slot], value))
    }
    for loose in looseValues where loose.value != .absent {
      all.append((string(loose.name), loose.value))
    }
    return all.sorted { $0.name.precedesByBytes($1.name) }
  }

  /// What a JMESPath expression found, as the extracted map has it: lists and objects as JSON.
  mutating func extracted(_ value: JMESValue) -> ExtractedValue {
    switch value {
    case .null: .null
    case .bool(let flag): .bool(flag)
    case .number(let number): .number(number)
    case .string(let text): .text(append(Array(text.utf8)))
    case .array, .object, .expression: .text(append(value.text(padsExponents: true)))
    }
  }
}
