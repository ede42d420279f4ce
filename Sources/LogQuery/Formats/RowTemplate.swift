import LogQL
import TelemetryModel
import TextTemplate

/// A template over a row's labels, compiled for many rows.
///
/// Literal text and labels alone are copied byte by byte; anything else runs through the engine.
final class RowTemplate {
  private enum Piece {
    case text([UInt8])
    case label(LabelNames.ID)
  }

  /// Labels that the template names.
  let labels: [LabelNames.ID]
  let readsLine: Bool
  private let template: Template
  private let pieces: [Piece]?
  let readsTimestamp: Bool
  private let localZone: TimeZoneRules

  /// `name` stands in messages.
  init(
    _ text: String, name: String, _ names: LabelNames, _ environment: TemplateEnvironment
  ) throws(TemplateError) {
    let template = try Template(
      text, name: name, functions: .logQL(environment), missingKey: .zero)
    self.template = template
    labels = template.fields.map { names.id(of: $0) }
    readsLine = template.calledFunctions.contains("__line__")
    readsTimestamp = template.calledFunctions.contains("__timestamp__")
    localZone = environment.localZone
    pieces = template.segments.map { segments in
      segments.map { segment in
        switch segment {
        case .text(let bytes): .text(bytes)
        case .field(let name): .label(names.id(of: name))
        }
      }
    }
  }

  /// The label that is the whole template.
  var onlyLabel: LabelNames.ID? {
    guard let pieces, pieces.count == 1, case .label(let id) = pieces[0] else { return nil }
    return id
  }

  /// Labels as the template is to see them.
  struct Snapshot {
    fileprivate var values: [(id: LabelNames.ID, value: UnsafeRawBufferPointer)] = []

    func value(_ id: LabelNames.ID) -> UnsafeRawBufferPointer? {
      for entry in values where entry.id == id { return entry.value }
      return nil
    }
  }

  /// What the row's labels are now, of the ones that `templates` look at.
  static func snapshot(_ row: RowBuilder, for templates: [RowTemplate]) -> Snapshot {
    var snapshot = Snapshot()
    if templates.contains(where: \.template.readsWholeData) {
      if let base = row.base {
        for (index, id) in base.ids.enumerated() where row.keepsBase(id) {
          snapshot.values.append((id, base.values[index]))
        }
      }
      for entry in row.entries where entry.id >= 0 {
        snapshot.values.append((entry.id, entry.value))
      }
    } else {
      for template in templates {
        for id in template.labels where snapshot.value(id) == nil {
          if let value = row.value(id) { snapshot.values.append((id, value)) }
        }
      }
    }
    if row.hasError { snapshot.values.append((LabelNames.error, row.error)) }
    if row.hasErrorDetails { snapshot.values.append((LabelNames.errorDetails, row.errorDetails)) }
    return snapshot
  }

  /// The text that the template makes, in the row's arena.
  func execute(_ row: RowBuilder, _ snapshot: Snapshot) throws(TemplateError)
    -> UnsafeRawBufferPointer
  {
    if let pieces { return join(pieces, row, snapshot) }
    let texts = snapshot.values.map { entry in
      (key: row.names.texts[entry.id], value: String(decoding: entry.value, as: UTF8.self))
    }
    var late: [String: TemplateValue] = [:]
    if readsLine { late["__line__"] = .string(String(decoding: row.line, as: UTF8.self)) }
    if readsTimestamp {
      late["__timestamp__"] = .time(ZonedTime(row.timestamp, zone: localZone))
    }
    return row.arena.copy(try template.execute(.map(TemplateMap(texts: texts)), late: late))
  }

  private func join(_ pieces: [Piece], _ row: RowBuilder, _ snapshot: Snapshot)
    -> UnsafeRawBufferPointer
  {
    if let onlyLabel {
      return snapshot.value(onlyLabel) ?? UnsafeRawBufferPointer(start: nil, count: 0)
    }
    var count = 0
    for piece in pieces {
      switch piece {
      case .text(let bytes): count += bytes.count
      case .label(let id): count += snapshot.value(id)?.count ?? 0
      }
    }
    let room = row.arena.take(count)
    var at = 0
    for piece in pieces {
      switch piece {
      case .text(let bytes):
        UnsafeMutableRawBufferPointer(rebasing: room[at...]).copyBytes(from: bytes)
        at += bytes.count
      case .label(let id):
        guard let value = snapshot.value(id) else { continue }
        UnsafeMutableRawBufferPointer(rebasing: room[at...]).copyMemory(from: value)
        at += value.count
      }
    }
    return UnsafeRawBufferPointer(room)
  }
}
