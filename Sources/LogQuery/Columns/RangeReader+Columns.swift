import LogStore
import TelemetryModel

/// What the stages make of all rows with one combination of values.
struct FieldOutcome {
  /// The series, -1 where the row is dropped, -2 where nobody has asked yet.
  var place: Int32 = -2
  var value = 0.0
}

extension RangeReader {
  /// Reads a batch by its columns; false when they are not at hand.
  ///
  /// The stages run once for each combination of values that occurs in a stream; its rows are
  /// then counted, or their numbers added, without looking at them further.
  mutating func visitColumns(_ rows: LogRows) throws(QueryError) -> Bool {
    guard let plan = pipeline.fieldPlan, let columns = CodedColumns(rows, plan) else {
      return false
    }
    for run in rows.runs {
      let batch = ColumnRun(plan: plan, columns: columns, rows: rows, run: run)
      if columns.uncoded.isEmpty {
        try visitCoded(batch)
      } else if columns.uncoded.count == 1, let numbers = unwrapNumbers(batch) {
        var batch = batch
        batch.standIn = columns.uncoded[0]
        try visitNumbers(batch, numbers)
      } else {
        try visitFields(batch)
      }
    }
    return true
  }

  /// The column of the label that is unwrapped, when its numbers are the samples as they stand.
  private func unwrapNumbers(_ batch: ColumnRun) -> [Double]? {
    guard sample == .unwrapped, let label = pipeline.plainUnwrap,
      let field = batch.plan.parsed.first(where: { $0.id == label }),
      field.column == batch.columns.uncoded[0],
      case .numbers(let column) = batch.columns.columns[field.column],
      !pipeline.hasLabel(label, batch.run.stream)
    else { return nil }
    // A label of metadata would be looked at instead.
    for other in batch.plan.metadata where other.id == label {
      guard case .constant(nil) = batch.columns.columns[other.column] else { return nil }
    }
    return column.values
  }

  /// All columns are coded: rows of a code are alike.
  private mutating func visitCoded(_ batch: ColumnRun) throws(QueryError) {
    let (rows, run) = (batch.rows, batch.run)
    var outcomes = [FieldOutcome](repeating: FieldOutcome(), count: batch.columns.combinations)
    var counts = [Int32](repeating: 0, count: sample == .lineBytes ? 0 : outcomes.count)
    var seen: [Int] = []
    let codes = batch.columns.codes
    var row = run.rows.lowerBound
    while row < run.rows.upperBound {
      let pane = panes.pane(rows.timestamps[row])
      let next = rows.timestamps.firstIndex(
        after: panes.paneEnd(pane), in: row..<run.rows.upperBound)
      let segment = row..<next
      row = next
      guard panes.isCovered(pane) else { continue }
      if sample == .lineBytes {
        try addLengths(batch, segment, pane, &outcomes)
        continue
      }
      if codes.isEmpty {
        try add(Int32(segment.count), batch, 0, segment, pane, &outcomes)
        continue
      }
      for row in segment {
        let code = Int(codes[row])
        if counts[code] == 0 { seen.append(code) }
        counts[code] += 1
      }
      for code in seen {
        try add(counts[code], batch, code, segment, pane, &outcomes)
        counts[code] = 0
      }
      seen.removeAll(keepingCapacity: true)
    }
  }

  private mutating func add(
    _ count: Int32, _ batch: ColumnRun, _ code: Int, _ segment: Range<Int>, _ pane: Int,
    _ outcomes: inout [FieldOutcome]
  ) throws(QueryError) {
    if outcomes[code].place == -2 { outcomes[code] = try outcome(batch, code, segment) }
    let outcome = outcomes[code]
    guard outcome.place >= 0 else { return }
    passed += Int(count)
    if sample == .one {
      sink.add(ones: Int(count), pane: pane, to: Int(outcome.place))
      return
    }
    // Samples of one value; their times matter where one is first or last.
    for row in segment where batch.columns.codes.isEmpty || batch.columns.codes[row] == code {
      sink.add(
        outcome.value, at: batch.rows.timestamps[row], pane: pane, to: Int(outcome.place))
    }
  }

  private mutating func addLengths(
    _ batch: ColumnRun, _ segment: Range<Int>, _ pane: Int, _ outcomes: inout [FieldOutcome]
  ) throws(QueryError) {
    for row in segment {
      let code = batch.columns.codes.isEmpty ? 0 : Int(batch.columns.codes[row])
      if outcomes[code].place == -2 { outcomes[code] = try outcome(batch, code, segment) }
      guard outcomes[code].place >= 0 else { continue }
      passed += 1
      sink.add(
        Double(batch.rows.lineLength(row)), at: batch.rows.timestamps[row], pane: pane,
        to: Int(outcomes[code].place))
    }
  }

  /// The one column that is not coded has the samples.
  private mutating func visitNumbers(_ batch: ColumnRun, _ numbers: [Double]) throws(QueryError) {
    let (rows, run) = (batch.rows, batch.run)
    var outcomes = [FieldOutcome](repeating: FieldOutcome(), count: batch.columns.combinations)
    let codes = batch.columns.codes
    var row = run.rows.lowerBound
    while row < run.rows.upperBound {
      let pane = panes.pane(rows.timestamps[row])
      let next = rows.timestamps.firstIndex(
        after: panes.paneEnd(pane), in: row..<run.rows.upperBound)
      let segment = row..<next
      row = next
      guard panes.isCovered(pane) else { continue }
      for row in segment {
        let code = codes.isEmpty ? 0 : Int(codes[row])
        if outcomes[code].place == -2 { outcomes[code] = try outcome(batch, code, segment) }
        let place = outcomes[code].place
        guard place >= 0 else { continue }
        passed += 1
        sink.add(numbers[row], at: rows.timestamps[row], pane: pane, to: Int(place))
      }
    }
  }

  /// Row by row, with values from columns.
  private mutating func visitFields(_ batch: ColumnRun) throws(QueryError) {
    for row in batch.run.rows {
      let time = batch.rows.timestamps[row]
      let pane = panes.pane(time)
      guard panes.isCovered(pane) else { continue }
      let fields = RowFields(
        plan: batch.plan, columns: batch.columns.columns, place: .row(row), standIn: nil)
      guard let processed = pipeline.process(fields, stream: batch.run.stream) else { continue }
      passed += 1
      let place = try self.place(of: processed, batch, row)
      switch sample {
      case .one: sink.add(ones: 1, pane: pane, to: place)
      case .lineBytes:
        sink.add(Double(batch.rows.lineLength(row)), at: time, pane: pane, to: place)
      case .unwrapped: sink.add(processed.value, at: time, pane: pane, to: place)
      }
    }
  }

  private mutating func outcome(_ batch: ColumnRun, _ code: Int, _ segment: Range<Int>)
    throws(QueryError) -> FieldOutcome
  {
    let fields = RowFields(
      plan: batch.plan, columns: batch.columns.columns,
      place: .codes(batch.columns.places(of: code)), standIn: batch.standIn)
    guard let processed = pipeline.process(fields, stream: batch.run.stream) else {
      return FieldOutcome(place: -1)
    }
    let codes = batch.columns.codes
    let row = codes.isEmpty ? segment.lowerBound : segment.first { Int(codes[$0]) == code }
    let place = try self.place(of: processed, batch, row ?? segment.lowerBound)
    return FieldOutcome(place: Int32(place), value: processed.value)
  }

  /// The series of a row. An error's text names labels that no column was asked for: the line is
  /// parsed after all then.
  private mutating func place(of processed: ProcessedRow, _ batch: ColumnRun, _ row: Int)
    throws(QueryError) -> Int
  {
    do throws(QueryError) {
      return try index.place(of: processed.labels)
    } catch {
      let whole = batch.rows.withLine(row) { line in
        pipeline.process(
          line: line, at: batch.rows.timestamps[row], stream: batch.run.stream,
          metadata: batch.rows.metadata(row))
      }
      if let whole { _ = try index.place(of: whole.labels) }
      throw error
    }
  }
}

/// The rows of one stream in a batch with columns.
struct ColumnRun {
  let plan: FieldPlan
  let columns: CodedColumns
  let rows: LogRows
  let run: LogRows.Run
  /// See ``RowFields/standIn``.
  var standIn: Int?
}
