import Bytes
import TelemetryModel

/// Makes ``RowLabels`` of finished rows, one object for each distinct set.
struct RowLabelSets {
  /// Which labels stay: nil for all.
  private let kept: [LabelNames.ID]?
  /// A label that is taken out of the others: the one that was unwrapped.
  private let left: LabelNames.ID?
  private var known: [LabelSetKey: RowLabels] = [:]
  private var next = 0
  private static let knownMax = 65_536

  init(kept: [LabelNames.ID]?, left: LabelNames.ID?) {
    self.kept = kept
    self.left = left
  }

  /// The labels of the row as it stands.
  mutating func labels(_ row: RowBuilder) -> RowLabels {
    if row.isUnchanged, let base = row.base {
      if let plain = base.plain { return plain }
      // What is said of an error that was dropped is lost where nothing else was changed, as in
      // Loki; with other changes it stays.
      row.clearErrorDetails()
      let made = lookUp(row)
      base.plain = made
      return made
    }
    return lookUp(row)
  }

  private mutating func lookUp(_ row: RowBuilder) -> RowLabels {
    // Errors would be lost in a grouping: such a row keeps all of its labels.
    let isWhole = row.hasError || (kept == nil && left == nil)
    let key = isWhole ? wholeKey(row) : reducedKey(row)
    if let found = known[key] { return found }
    let made = isWhole ? whole(row) : reduced(row)
    if known.count < RowLabelSets.knownMax { known[key] = made }
    return made
  }

  private func wholeKey(_ row: RowBuilder) -> LabelSetKey {
    var key = LabelSetKey()
    if let base = row.base {
      for index in base.ids.indices where row.keepsBase(base.ids[index]) {
        key += base.keys[index]
      }
    }
    for entry in row.entries where entry.id >= 0 {
      let state = row.states[entry.id]
      let seed = entry.category == .parsed ? state.parsedSeed : state.metadataSeed
      key += LabelSetKey(nameSeed: seed, value: entry.value)
    }
    let errorState = row.states[LabelNames.error]
    if row.hasError { key += LabelSetKey(nameSeed: errorState.parsedSeed, value: row.error) }
    if row.hasErrorDetails {
      let state = row.states[LabelNames.errorDetails]
      key += LabelSetKey(nameSeed: state.parsedSeed, value: row.errorDetails)
    }
    return key
  }

  /// Names and values with their categories, in no order.
  private typealias Pair = (
    id: LabelNames.ID, value: UnsafeRawBufferPointer, category: LabelCategory
  )

  private mutating func whole(_ row: RowBuilder) -> RowLabels {
    var pairs: [Pair] = []
    pairs.reserveCapacity(row.entries.count + 8)
    if let base = row.base {
      for index in base.ids.indices where row.keepsBase(base.ids[index]) {
        pairs.append((base.ids[index], base.values[index], .stream))
      }
    }
    for entry in row.entries where entry.id >= 0 {
      if entry.id == LabelNames.error && row.hasError { continue }
      if entry.id == LabelNames.errorDetails && row.hasErrorDetails { continue }
      pairs.append((entry.id, entry.value, entry.category))
    }
    if row.hasError { pairs.append((LabelNames.error, row.error, .parsed)) }
    if row.hasErrorDetails { pairs.append((LabelNames.errorDetails, row.errorDetails, .parsed)) }
    return make(pairs, row.names)
  }

  // MARK: Grouped

  private func reducedPairs(
    _ row: RowBuilder, _ body: (LabelNames.ID, UnsafeRawBufferPointer) -> Void
  ) {
    if let kept {
      for id in kept {
        if let value = row.value(id) { body(id, value) }
      }
      return
    }
    if let base = row.base {
      for index in base.ids.indices where base.ids[index] != left {
        if row.keepsBase(base.ids[index]) { body(base.ids[index], base.values[index]) }
      }
    }
    for entry in row.entries where entry.id >= 0 && entry.id != left {
      body(entry.id, entry.value)
    }
  }

  private func reducedKey(_ row: RowBuilder) -> LabelSetKey {
    var key = LabelSetKey()
    reducedPairs(row) { id, value in
      key += LabelSetKey(nameSeed: row.states[id].parsedSeed, value: value)
    }
    return key
  }

  private mutating func reduced(_ row: RowBuilder) -> RowLabels {
    var pairs: [Pair] = []
    reducedPairs(row) { id, value in pairs.append((id, value, .stream)) }
    return make(pairs, row.names)
  }

  private mutating func make(_ pairs: [Pair], _ names: LabelNames) -> RowLabels {
    let sorted = pairs.sorted { names.bytes($0.id).precedes(names.bytes($1.id)) }
    let labels = sorted.map {
      Label(names.texts[$0.id], String(decoding: $0.value, as: UTF8.self))
    }
    defer { next += 1 }
    return RowLabels(id: next, sorted: labels, sorted.map(\.category))
  }
}
