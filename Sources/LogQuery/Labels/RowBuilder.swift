import LogStore
import TelemetryModel

/// One row on its way through the stages: its line, and its labels with their categories.
///
/// Its state is touched many times for each row; that nobody else does so at the same moment needs
/// no proof at run time.
///
/// Values are views into the line, the stream's labels or the arena; nothing is a `String` before
/// the row has passed. The rules are those of Loki's `LabelsBuilder`. Not for several threads.
final class RowBuilder {
  /// A label that is not the stream's; `id` is -1 when it was taken away again.
  struct Entry {
    var id: LabelNames.ID
    var category: LabelCategory
    var value: UnsafeRawBufferPointer
  }

  /// What is known about a name in this row; a stamp holds when it equals the row's.
  struct NameState {
    var entryStamp: UInt32 = 0
    var entry: Int32 = -1
    var deletedStamp: UInt32 = 0
    var extractedStamp: UInt32 = 0
    /// Where the name stands in the stream's labels, or -1.
    var base: Int32 = -1
    var isRequired = false
    /// The filter that a parser asks as soon as it has made this label, or -1.
    var filter: Int32 = -1
    var parsedSeed: UInt64 = 0
    var metadataSeed: UInt64 = 0
  }

  let names: LabelNames
  let arena = ByteArena()
  var hints: ParserHints
  @exclusivity(unchecked) private(set) var states: [NameState] = []
  @exclusivity(unchecked) private(set) var entries: [Entry] = []
  @exclusivity(unchecked) private(set) var liveEntries = 0
  @exclusivity(unchecked) private(set) var hasDeleted = false
  @exclusivity(unchecked) private(set) var base: StreamBase?
  @exclusivity(unchecked) private var stamp: UInt32 = 0
  @exclusivity(unchecked) private var requiredFound = 0

  /// The line as the stages left it.
  var line = UnsafeRawBufferPointer(start: nil, count: 0)
  var timestamp = Timestamp.zero
  /// `__error__`; empty for none.
  private(set) var error = UnsafeRawBufferPointer(start: nil, count: 0)
  /// `__error_details__`; empty for none.
  private(set) var errorDetails = UnsafeRawBufferPointer(start: nil, count: 0)

  init(names: LabelNames, hints: ParserHints) {
    self.names = names
    self.hints = hints
    growStates()
    for id in hints.required { states[id].isRequired = true }
    for (index, filter) in hints.filters.enumerated() where states[filter.id].filter < 0 {
      states[filter.id].filter = Int32(index)
    }
  }

  // MARK: One row after another

  /// Starts with a new row; its metadata are its first labels.
  func begin(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, base: StreamBase, metadata: [Label]
  ) {
    stamp &+= 1
    if stamp == 0 { restartStamps() }
    self.line = line
    self.timestamp = timestamp
    arena.reset()
    entries.removeAll(keepingCapacity: true)
    liveEntries = 0
    hasDeleted = false
    requiredFound = 0
    error = UnsafeRawBufferPointer(start: nil, count: 0)
    errorDetails = error
    if base !== self.base { change(to: base) }
    for label in metadata { addMetadata(names.id(of: label.name), arena.copy(label.value)) }
  }

  private func change(to base: StreamBase) {
    growStates()
    for id in self.base?.ids ?? [] { states[id].base = -1 }
    self.base = base
    for (index, id) in base.ids.enumerated() { states[id].base = Int32(index) }
  }

  /// Numbers of names were taken back: nothing may stay that knows them.
  func forgetNames() {
    for id in base?.ids ?? [] where id < states.count { states[id].base = -1 }
    base = nil
    states.removeSubrange(min(states.count, names.count)...)
  }

  private func restartStamps() {
    stamp = 1
    for id in states.indices {
      states[id].entryStamp = 0
      states[id].deletedStamp = 0
      states[id].extractedStamp = 0
    }
  }

  private func growStates() {
    while states.count < names.count {
      var state = NameState()
      let name = names.bytes(states.count)
      state.parsedSeed = LabelSetKey.seed(name, .parsed)
      state.metadataSeed = LabelSetKey.seed(name, .structuredMetadata)
      states.append(state)
    }
  }

  /// Makes a label of structured metadata; `value` holds as long as the row.
  func addMetadata(_ id: LabelNames.ID, _ value: UnsafeRawBufferPointer) {
    var id = id
    if id >= states.count { growStates() }
    if states[id].base >= 0 {
      id = names.extracted(id)
      growStates()
    }
    if id == LabelNames.error {
      error = value
    } else if id == LabelNames.errorDetails {
      errorDetails = value
    } else if let at = entryIndex(id) {
      entries[at].value = value
    } else {
      append(id, .structuredMetadata, value)
    }
  }

  // MARK: Reading

  /// Where `id` stands among the entries.
  @inline(__always)
  private func entryIndex(_ id: LabelNames.ID) -> Int? {
    let state = states[id]
    return state.entryStamp == stamp && state.entry >= 0 ? Int(state.entry) : nil
  }

  /// The value of a label; nil when there is none. A stream's empty label counts as none.
  func value(_ id: LabelNames.ID) -> UnsafeRawBufferPointer? {
    if id >= states.count { growStates() }
    if let at = entryIndex(id) { return entries[at].value }
    let state = states[id]
    guard state.deletedStamp != stamp, state.base >= 0, let base else { return nil }
    let value = base.values[Int(state.base)]
    return value.isEmpty ? nil : value
  }

  /// What a string filter compares: the error for `__error__`, empty for a label that is not
  /// there.
  func filterValue(_ id: LabelNames.ID) -> UnsafeRawBufferPointer {
    if id == LabelNames.error { return error }
    return value(id) ?? UnsafeRawBufferPointer(start: nil, count: 0)
  }

  var hasError: Bool { !error.isEmpty }
  var hasErrorDetails: Bool { !errorDetails.isEmpty }

  /// Whether the labels are the stream's alone.
  var isUnchanged: Bool { liveEntries == 0 && !hasDeleted && !hasError }

  /// Whether a label of the stream is still there: neither taken away nor replaced.
  func keepsBase(_ id: LabelNames.ID) -> Bool {
    states[id].deletedStamp != stamp && entryIndex(id) == nil
  }

  // MARK: Writing

  /// Makes a parsed label; it takes the place of metadata and of the stream's label.
  func setParsed(_ id: LabelNames.ID, _ value: UnsafeRawBufferPointer) {
    if id >= states.count { growStates() }
    if let at = entryIndex(id) {
      entries[at].value = value
      entries[at].category = .parsed
    } else {
      append(id, .parsed, value)
    }
    guard states[id].extractedStamp != stamp else { return }
    states[id].extractedStamp = stamp
    if states[id].isRequired { requiredFound += 1 }
  }

  private func append(
    _ id: LabelNames.ID, _ category: LabelCategory, _ value: UnsafeRawBufferPointer
  ) {
    states[id].entryStamp = stamp
    states[id].entry = Int32(entries.count)
    entries.append(Entry(id: id, category: category, value: value))
    liveEntries += 1
  }

  func delete(_ id: LabelNames.ID) {
    if id >= states.count { growStates() }
    if let at = entryIndex(id) {
      entries[at].id = -1
      states[id].entry = -1
      liveEntries -= 1
    }
    states[id].deletedStamp = stamp
    hasDeleted = true
  }

  func setError(_ error: RowError, details: @autoclosure () -> String = "") {
    self.error = RowError.bytes(error)
    let details = details()
    if !details.isEmpty { errorDetails = arena.copy(details) }
  }

  func clearError() { error = UnsafeRawBufferPointer(start: nil, count: 0) }
  func clearErrorDetails() { errorDetails = UnsafeRawBufferPointer(start: nil, count: 0) }

  // MARK: What parsers ask

  /// No label is wanted, or all that are wanted have been made.
  var wantsNoLabels: Bool { hints.wantsNoLabels || hasAllRequired }

  var hasAllRequired: Bool {
    !hints.required.isEmpty && requiredFound == hints.required.count
  }

  /// The number under which a parser makes the label `id`: with `_extracted` when the stream or
  /// the metadata have it already; nil when it is not wanted or was made before.
  func parsedID(_ id: LabelNames.ID) -> LabelNames.ID? {
    var id = id
    if id >= states.count { growStates() }
    if states[id].base >= 0 || isMetadata(id) {
      id = names.extracted(id)
      if id >= states.count { growStates() }
    }
    let state = states[id]
    guard hints.required.isEmpty || state.isRequired, state.extractedStamp != stamp else {
      return nil
    }
    return id
  }

  /// The same for parsers whose labels were asked for by name: always made.
  func duplicateID(_ id: LabelNames.ID) -> LabelNames.ID {
    if id >= states.count { growStates() }
    return states[id].base >= 0 || isMetadata(id) ? names.extracted(id) : id
  }

  /// Whether a stage has made the label `id` already.
  func wasExtracted(_ id: LabelNames.ID) -> Bool {
    if id >= states.count { growStates() }
    return states[id].extractedStamp == stamp
  }

  private func isMetadata(_ id: LabelNames.ID) -> Bool {
    guard let at = entryIndex(id) else { return false }
    return entries[at].category == .structuredMetadata
  }

  /// Whether the row still has a chance after a parser made the label `id`.
  func passesFilter(after id: LabelNames.ID) -> Bool {
    let filter = states[id].filter
    return filter < 0 || hints.filters[Int(filter)].filter.passes(self)
  }
}

/// The values of `__error__`.
enum RowError: String, CaseIterable {
  case json = "JSONParserErr"
  case logfmt = "LogfmtParserErr"
  case sampleExtraction = "SampleExtractionErr"
  case labelFilter = "LabelFilterErr"
  case templateFormat = "TemplateFormatErr"

  /// Made once and never freed.
  private nonisolated(unsafe) static let texts: [RowError: UnsafeRawBufferPointer] = {
    let storage = UnsafeMutableRawBufferPointer.allocate(byteCount: 128, alignment: 1)
    var at = 0
    var texts: [RowError: UnsafeRawBufferPointer] = [:]
    for error in RowError.allCases {
      let bytes = Array(error.rawValue.utf8)
      let room = UnsafeMutableRawBufferPointer(rebasing: storage[at..<(at + bytes.count)])
      room.copyBytes(from: bytes)
      texts[error] = UnsafeRawBufferPointer(room)
      at += bytes.count
    }
    return texts
  }()

  static func bytes(_ error: RowError) -> UnsafeRawBufferPointer {
    texts[error] ?? UnsafeRawBufferPointer(start: nil, count: 0)
  }
}
