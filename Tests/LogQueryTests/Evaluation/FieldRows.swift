import LogQuery
import Regex
import Synchronization
import TelemetryModel
import TestSupport

@testable import LogStore

/// Rows whose lines are written from known fields, as JSON or as logfmt, so that columns can be
/// given without parsing anything.
struct FieldRow {
  var timestamp: Timestamp
  var stream: Int
  /// In the order of the line; names are distinct.
  var fields: [(name: String, value: String, isNumber: Bool)]
  var metadata: [Label]
  var isJSON: Bool

  var line: [UInt8] {
    if isJSON {
      let members = fields.map { "\"\($0.name)\":" + ($0.isNumber ? $0.value : "\"\($0.value)\"") }
      return Array("{\(members.joined(separator: ","))}".utf8)
    }
    return Array(fields.map { "\($0.name)=\($0.value)" }.joined(separator: " ").utf8)
  }

  /// What a request stands for on this row; nil for an absent field.
  func value(_ request: FieldRequest) -> [UInt8]? {
    let value: String? =
      switch request {
      case .metadata(let name): metadata.first { $0.name == name }?.value
      case .jsonLabel(let name): isJSON ? fields.first { $0.name == name }?.value : nil
      case .json(let path):
        isJSON && path.count == 1 ? fields.first { $0.name == path[0] }?.value : nil
      case .logfmt(let name):
        isJSON ? nil : fields.first { $0.name == name && !$0.value.isEmpty }?.value
      }
    return value.map { Array($0.utf8) }
  }

  /// Whether the columns for `request` can be had at all.
  func answers(_ request: FieldRequest) -> Bool {
    switch request {
    case .metadata: true
    case .jsonLabel, .json: isJSON
    case .logfmt: !isJSON
    }
  }
}

/// A source that gives its rows with columns or without, in batches of random size.
final class FieldRows: LogRowSource {
  let streams: [StreamReference]
  private let rows: [FieldRow]
  private let hasColumns: Bool
  private let seed: UInt64
  private let workersMax: Int
  /// What stands for the strings of two segments.
  /// Asked while a scan is planned, by one thread.
  private nonisolated(unsafe) let strings = [StringNumbers(), StringNumbers()]

  init(
    _ labels: [Labels], _ rows: [FieldRow], hasColumns: Bool, seed: UInt64, workersMax: Int = 1
  ) {
    streams = labels.enumerated().map {
      StreamReference(id: UInt64($0), tenant: .single, labels: $1)
    }
    self.rows = rows.enumerated().sorted {
      ($0.element.timestamp, $0.offset) < ($1.element.timestamp, $1.offset)
    }.map(\.element)
    self.hasColumns = hasColumns
    self.seed = seed
    self.workersMax = workersMax
  }

  func plan(_ scan: LogScan) throws -> any LogRowPlan {
    var random = RandomSource(seed: seed)
    var batches: [LogRows] = []
    for (number, stream) in streams.enumerated() {
      let isMatching = scan.matchers.allSatisfy { matcher in
        let value = stream.labels[matcher.name] ?? ""
        return matcher.operation == .equal ? value == matcher.value : !value.isEmpty
      }
      guard isMatching else { continue }
      var rest = rows.filter { row in
        row.stream == number && scan.range.contains(row.timestamp)
          && scan.conditions.allSatisfy { condition in
            row.line.withUnsafeBytes(condition.holds)
          }
      }[...]
      while let first = rest.first {
        let like = rest.prefix(Int.random(in: 1...30, using: &random)).prefix {
          $0.isJSON == first.isJSON
        }
        rest = rest.dropFirst(like.count)
        if let batch = batch(Array(like), stream, scan, &random) { batches.append(batch) }
      }
    }
    return MemoryPlan(batches: batches, lineBytes: 0, workersMax: workersMax)
  }

  private func batch(
    _ rows: [FieldRow], _ stream: StreamReference, _ scan: LogScan, _ random: inout RandomSource
  ) -> LogRows? {
    var rows = rows
    let isColumnar = hasColumns && rows.allSatisfy { row in scan.fields.allSatisfy(row.answers) }
    var isDecided = false
    if isColumnar, random.oneIn(2) {
      isDecided = true
      rows.removeAll { row in scan.fieldConditions.contains { !passes($0, scan, row, stream) } }
    }
    guard !rows.isEmpty else { return nil }
    var bytes: [UInt8] = []
    var starts: [UInt32] = []
    var ends: [UInt32] = []
    for row in rows {
      starts.append(UInt32(bytes.count))
      bytes += row.line
      ends.append(UInt32(bytes.count))
    }
    let hasMetadata = rows.contains { !$0.metadata.isEmpty }
    // Some batches are of one of two segments, others of nobody knows which.
    let own = random.oneIn(3) ? nil : strings[Int.random(in: 0...1, using: &random)]
    return LogRows(
      runs: [LogRows.Run(stream: stream, rows: 0..<rows.count)],
      timestamps: rows.map(\.timestamp), places: RowPlaces(0..<rows.count),
      lines: .text(bytes: bytes, starts: starts, ends: ends),
      metadata: hasMetadata ? .lists(rows.map(\.metadata)) : .none,
      columns: isColumnar ? scan.fields.map { column($0, rows, own, &random) } : [],
      strings: own, isDecided: isDecided)
  }

  /// Rows that the condition does not decide pass.
  private func passes(
    _ condition: FieldCondition, _ scan: LogScan, _ row: FieldRow, _ stream: StreamReference
  ) -> Bool {
    if stream.labels[condition.label] != nil { return true }
    if row.metadata.contains(where: { $0.name == condition.label }) { return true }
    let value = row.value(scan.fields[condition.field])
    switch condition.test {
    case .equals(let text): return (value ?? []) == text
    case .differs(let text): return (value ?? []) != text
    case .matches(let regex): return (value ?? []).withUnsafeBytes { regex.matches($0, .whole) }
    case .matchesNot(let regex):
      return !(value ?? []).withUnsafeBytes { regex.matches($0, .whole) }
    case .number(let comparison, let number):
      guard let value else { return false }
      guard let own = Double(String(decoding: value, as: UTF8.self)) else { return true }
      return comparison.holds(own, number)
    }
  }

  /// In any form that holds the values.
  private func column(
    _ request: FieldRequest, _ rows: [FieldRow], _ strings: StringNumbers?,
    _ random: inout RandomSource
  ) -> FieldColumn {
    let values = rows.map { $0.value(request) }
    if Set(values).count == 1, random.oneIn(2) { return .constant(values[0]) }
    let numbers = values.compactMap { value in
      value.flatMap { Double(String(decoding: $0, as: UTF8.self)) }
    }
    if numbers.count == rows.count, rows.allSatisfy({ !$0.fields.isEmpty }), random.oneIn(2) {
      let mantissas = numbers.map { Int64(($0 * 100).rounded()) }
      let style = NumberStyle(form: .fixed, scale: 2, width: 0)
      let exact = zip(mantissas, values).allSatisfy { mantissa, value in
        var text: [UInt8] = []
        style.append(mantissa, to: &text)
        return text == value
      }
      if exact { return .numbers(.init(mantissas: mantissas, style: style, values: numbers)) }
    }
    if random.oneIn(3) {
      var bytes: [UInt8] = []
      var starts: [UInt32] = []
      var ends: [UInt32] = []
      for value in values {
        starts.append(value == nil ? .max : UInt32(bytes.count))
        bytes += value ?? []
        ends.append(UInt32(bytes.count))
      }
      return .texts(.init(bytes: bytes, starts: starts, ends: ends))
    }
    let distinct = Array(Set(values)).shuffled(using: &random)
    let codes = values.map { value in UInt32(distinct.firstIndex { $0 == value } ?? 0) }
    return .dictionary(
      .init(codes: codes, values: distinct, numbers: distinct.map { strings?.number($0) ?? 7 }))
  }
}

/// Numbers of the strings of one segment; that of none is the largest.
final class StringNumbers {
  private var numbers: [[UInt8]: UInt32] = [:]

  func number(_ value: [UInt8]?) -> UInt32 {
    guard let value else { return .max }
    if let number = numbers[value] { return number }
    numbers[value] = UInt32(numbers.count)
    return UInt32(numbers.count - 1)
  }
}
