import Regex
import TelemetryModel

/// The requested fields of a block: which rows have them in columns, and their values.
struct BlockFields {
  /// A field over the rows that have it in columns.
  struct Field {
    /// The column of the field, nil where no row has it.
    let data: ColumnData?
    /// The place of each row's value; `UInt32.max` where it is absent.
    let places: [UInt32]
    /// A value of no bytes is none: a pair without a value makes no label.
    var dropsEmpty = false

    /// The values of `rows`.
    func values(_ rows: RowPlaces) -> FieldColumn {
      let column = allValues(rows)
      guard dropsEmpty else { return column }
      switch column {
      case .constant(let value): return value?.isEmpty == true ? .constant(nil) : column
      case .dictionary(var dictionary):
        dictionary.values = dictionary.values.map { $0?.isEmpty == true ? nil : $0 }
        return .dictionary(dictionary)
      case .numbers: return column
      case .texts(let texts):
        let starts = texts.starts.indices.map { row in
          texts.starts[row] == texts.ends[row] ? UInt32.max : texts.starts[row]
        }
        return .texts(
          FieldColumn.TextColumn(bytes: texts.bytes, starts: starts, ends: texts.ends))
      }
    }

    private func allValues(_ rows: RowPlaces) -> FieldColumn {
      switch data {
      case nil: return .constant(nil)
      case let constant as ConstantData where places.isEmpty: return .constant(constant.value)
      case let constant as ConstantData:
        return .dictionary(
          FieldColumn.Dictionary(
            codes: places.withUnsafeBufferPointer { places in
              rows.map { places[$0] == .max ? 1 : 0 }
            }, values: [constant.value, nil], numbers: [constant.number, .max]))
      case let dictionary as DictionaryData:
        return .dictionary(
          FieldColumn.Dictionary(
            codes: codes(of: dictionary, rows),
            values: dictionary.texts.map { Array($0) } + [nil],
            numbers: dictionary.texts.numbers + [.max]))
      case let numbers as NumberData where hasAll(rows): return self.numbers(numbers, rows)
      case let data?: return texts(data, rows)
      }
    }

    private func codes(of dictionary: DictionaryData, _ rows: RowPlaces) -> [UInt32] {
      let absent = UInt32(dictionary.texts.count)
      return dictionary.codes.withUnsafeBufferPointer { codes in
        guard !places.isEmpty else { return rows.map { UInt32(codes[$0]) } }
        return places.withUnsafeBufferPointer { places in
          rows.map { row in
            let place = places[row]
            return place == .max ? absent : UInt32(codes[Int(place)])
          }
        }
      }
    }

    /// Whether all of the rows have a value.
    private func hasAll(_ rows: RowPlaces) -> Bool {
      guard !places.isEmpty else { return true }
      var lacking = false
      rows.forEach { if places[$0] == .max { lacking = true } }
      return !lacking
    }

    private func numbers(_ numbers: NumberData, _ rows: RowPlaces) -> FieldColumn {
      let unit = Double(NumberStyle.powers[numbers.style.scale])
      let mantissas =
        places.isEmpty
        ? rows.pick(numbers.values)
        : numbers.values.withUnsafeBufferPointer { values in
          places.withUnsafeBufferPointer { places in rows.map { values[Int(places[$0])] } }
        }
      let values = mantissas.withUnsafeBufferPointer { mantissas in
        RowPlaces(0..<mantissas.count).map { Double(mantissas[$0]) / unit }
      }
      return .numbers(
        FieldColumn.NumberColumn(mantissas: mantissas, style: numbers.style, values: values))
    }

    private func texts(_ data: ColumnData, _ rows: RowPlaces) -> FieldColumn {
      var bytes: [UInt8] = []
      var starts: [UInt32] = []
      var ends: [UInt32] = []
      rows.forEach { row in
        let place = places.isEmpty ? UInt32(row) : places[row]
        if place == .max {
          starts.append(.max)
          ends.append(0)
        } else {
          starts.append(UInt32(bytes.count))
          data.append(Int(place), to: &bytes)
          ends.append(UInt32(bytes.count))
        }
      }
      return .texts(FieldColumn.TextColumn(bytes: bytes, starts: starts, ends: ends))
    }
  }

  /// One for each of the scan's fields.
  private(set) var columns: [Field] = []
  /// Whether rows with a shape code have all fields in columns.
  private var isDecided: [Bool]
  private struct Condition {
    var field: Int
    var label: String
    /// The decision for each value, and for rows without one.
    var flags: [UInt8]
    var absent: UInt8
    /// For each shape of metadata, whether it has a label of this name.
    var isHidden: [Bool]
  }

  private let conditions: [Condition]
  private let rows: ColumnRows

  /// What a field is in lines of a shape.
  enum Place: Equatable {
    case column(UInt32)
    case absent
    /// The line has to be parsed.
    case unknown
  }

  init(_ scan: LogScan, _ rows: ColumnRows) throws(LogStoreError) {
    self.rows = rows
    let segment = rows.segment
    let (lines, metadata) = (rows.lineShapes, rows.metadataShapes)
    isDecided = Array(repeating: true, count: lines.count)
    for request in scan.fields {
      if case .metadata(let name) = request {
        columns.append(try Self.metadata(Array(name.utf8), rows, segment, metadata))
        continue
      }
      var found: UInt32?
      for (code, shape) in lines.enumerated() {
        switch Self.place(request, Int(shape), segment) {
        case .column(let column):
          // Two columns for one field, as of two paths with one name: the first is kept.
          if found == nil || found == column {
            found = column
          } else {
            isDecided[code] = false
          }
        case .absent: break
        case .unknown: isDecided[code] = false
        }
      }
      if let found {
        let (data, places) = try rows.column(found)
        var isPair = false
        if case .logfmt = request { isPair = true }
        columns.append(Field(data: data, places: places, dropsEmpty: isPair))
      } else {
        columns.append(Field(data: nil, places: []))
      }
    }
    let fields = columns
    conditions = scan.fieldConditions.compactMap { condition in
      guard fields.indices.contains(condition.field) else { return nil }
      let (flags, absent) = FieldDecision.decide(condition.test, fields[condition.field].data)
      let label = Array(condition.label.utf8)
      return Condition(
        field: condition.field, label: condition.label, flags: flags, absent: absent,
        isHidden: metadata.map { shape in
          segment.shapes[Int(shape)].columns.contains { segment.columns[Int($0)].name == label }
        })
    }
  }

  private static func metadata(
    _ name: [UInt8], _ rows: ColumnRows, _ segment: SegmentColumns, _ shapes: [UInt32]
  ) throws(LogStoreError) -> Field {
    for shape in shapes {
      for column in segment.shapes[Int(shape)].columns
      where segment.columns[Int(column)].name == name {
        let (data, places) = try rows.column(column)
        return Field(data: data, places: places)
      }
    }
    return Field(data: nil, places: [])
  }

  // MARK: rows

  /// The rows that have all fields in columns and pass the conditions, and those that must be
  /// parsed.
  func split(_ runs: [ChosenRun]) throws(LogStoreError) -> (decided: [ChosenRun], open: [ChosenRun])
  {
    if conditions.isEmpty, isDecided.allSatisfy({ $0 }) { return (runs, []) }
    let lines = try rows.lines()
    let metadata = conditions.isEmpty ? ShapeCodes() : try rows.metadataCodes()
    var decided: [ChosenRun] = []
    var open: [ChosenRun] = []
    for run in runs {
      var kept: [UInt32] = []
      var left: [UInt32] = []
      // A label of the stream is looked at in place of the field.
      let isHidden = conditions.contains { run.stream.labels[$0.label] != nil }
      run.rows.forEach { row in
        guard isDecided[lines.code(row)] else {
          left.append(UInt32(row))
          return
        }
        switch isHidden ? FieldDecision.unknown : decision(row, metadata) {
        case FieldDecision.passes: kept.append(UInt32(row))
        case FieldDecision.unknown: left.append(UInt32(row))
        default: break
        }
      }
      if !kept.isEmpty { decided.append(ChosenRun(stream: run.stream, rows: .list(kept))) }
      if !left.isEmpty { open.append(ChosenRun(stream: run.stream, rows: .list(left))) }
    }
    return (decided, open)
  }

  @inline(__always)
  private func decision(_ row: Int, _ metadata: ShapeCodes) -> UInt8 {
    var result = FieldDecision.passes
    for condition in conditions {
      if !metadata.shapes.isEmpty, condition.isHidden[metadata.code(row)] {
        return FieldDecision.unknown
      }
      let places = columns[condition.field].places
      let decision: UInt8
      if condition.flags.isEmpty {
        decision = condition.absent
      } else {
        let place = places.isEmpty ? UInt32(row) : places[row]
        decision = place == .max ? condition.absent : condition.flags[Int(place)]
      }
      if decision == FieldDecision.fails { return decision }
      if decision == FieldDecision.unknown { result = decision }
    }
    return result
  }

  // MARK: places

  static func place(_ request: FieldRequest, _ number: Int, _ segment: SegmentColumns)
    -> Place
  {
    let shape = segment.shapes[number]
    switch request {
    case .metadata: return .unknown
    case .logfmt(let key):
      guard shape.kind == .logfmt,
        shape.columns.allSatisfy({ labelName(segment.columns[Int($0)].name) != nil })
      else { return .unknown }
      return pick(shape.columns.filter { labelName(segment.columns[Int($0)].name) == key }, segment)
    case .json(let path):
      guard let paths = segment.paths(ofShape: number), !paths.isAmbiguous, !path.isEmpty else {
        return .unknown
      }
      let wanted = path.map { Array($0.utf8) }
      if paths.objects.contains(wanted) { return .unknown }
      for (slot, path) in paths.slots.enumerated() where wanted.starts(with: path) {
        // Below a value that is no object a path finds nothing, but in arrays it may.
        if path.count < wanted.count { return .unknown }
        return pick([shape.columns[slot]], segment)
      }
      return .absent
    case .jsonLabel(let name):
      guard let paths = segment.paths(ofShape: number), !paths.isAmbiguous else { return .unknown }
      var found: [UInt32] = []
      for (slot, path) in paths.slots.enumerated() {
        guard let label = labelName(path) else { return .unknown }
        guard label == name else { continue }
        let key = segment.columns[Int(shape.columns[slot])]
        // An array makes no label, and is kept among what is odd.
        found.append(shape.columns[slot])
        if key.kind != .json { return .unknown }
      }
      return pick(found, segment)
    }
  }

  private static func pick(_ columns: [UInt32], _ segment: SegmentColumns) -> Place {
    guard let first = columns.first else { return .absent }
    guard columns.count == 1 else { return .unknown }
    let kind = segment.columns[Int(first)].kind
    return kind == .json || kind == .logfmt ? .column(first) : .unknown
  }

  /// The label that Loki's parsers make of a path's keys; nil where that is not plain.
  private static func labelName(_ path: [[UInt8]]) -> String? {
    var names: [String] = []
    for key in path {
      guard let name = labelName(key) else { return nil }
      names.append(name)
    }
    return names.joined(separator: "_")
  }

  /// Every other character than letters, digits and `_` becomes `_`; nil for names that begin
  /// with a digit, are empty or have blanks at an end.
  private static func labelName(_ key: [UInt8]) -> String? {
    guard let first = key.first, let last = key.last, first &- 0x30 > 9, first > 0x20, last > 0x20,
      key.allSatisfy({ $0 < 0x7f })
    else { return nil }
    return String(
      decoding: key.map { byte -> UInt8 in
        let lower = byte | 0x20
        let isPart = lower &- 0x61 < 26 || byte &- 0x30 <= 9 || byte == UInt8(ascii: "_")
        return isPart ? byte : UInt8(ascii: "_")
      }, as: UTF8.self)
  }
}

/// What a condition says of a column's values.
enum FieldDecision {
  static let fails: UInt8 = 0
  static let passes: UInt8 = 1
  /// The visitor has to decide.
  static let unknown: UInt8 = 2

  /// The decision for each value, and for rows without one; no values say that all rows are like
  /// the latter.
  static func decide(_ test: FieldCondition.Test, _ data: ColumnData?) -> ([UInt8], absent: UInt8) {
    let absent = decide(test, nil as UnsafeRawBufferPointer?)
    switch data {
    case nil: return ([], absent)
    case let data as ConstantData:
      let one = data.value.withUnsafeBytes { decide(test, $0) }
      return (Array(repeating: one, count: data.count), absent)
    case let data as DictionaryData:
      let decisions = data.texts.map { decide(test, $0) }
      return (data.codes.map { decisions[Int($0)] }, absent)
    case let data as NumberData:
      if case .number(let comparison, let limit) = test {
        let unit = Double(NumberStyle.powers[data.style.scale])
        return (
          data.values.map { comparison.holds(Double($0) / unit, limit) ? passes : fails }, absent
        )
      }
    default: break
    }
    guard let data else { return ([], absent) }
    var text: [UInt8] = []
    let decisions = (0..<data.count).map { index in
      text.removeAll(keepingCapacity: true)
      data.append(index, to: &text)
      return text.withUnsafeBytes { decide(test, $0) }
    }
    return (decisions, absent)
  }

  private static func decide(_ test: FieldCondition.Test, _ value: UnsafeRawBufferPointer?)
    -> UInt8
  {
    let text = value ?? UnsafeRawBufferPointer(start: nil, count: 0)
    switch test {
    case .equals(let wanted): return text.elementsEqual(wanted) ? passes : fails
    case .differs(let wanted): return text.elementsEqual(wanted) ? fails : passes
    case .matches(let regex): return regex.matches(text, .whole) ? passes : fails
    case .matchesNot(let regex): return regex.matches(text, .whole) ? fails : passes
    case .number(let comparison, let limit):
      guard value != nil else { return fails }
      var reader = NumberColumnReader()
      guard reader.add(text), let style = reader.finish() else { return unknown }
      let number = Double(reader.mantissas[0]) / Double(NumberStyle.powers[style.scale])
      return comparison.holds(number, limit) ? passes : fails
    }
  }
}
