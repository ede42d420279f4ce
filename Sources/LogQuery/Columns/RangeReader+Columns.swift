import LogStore
import TelemetryModel

extension RangeReader {
  /// Reads a batch by its columns; false when they are not at hand.
  ///
  /// The stages run once for each combination of values that occurs in streams that are alike;
  /// its rows are then counted, or their numbers added, without looking at them further.
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
    let (outcomes, keys) = known.outcomes(batch, isAlike: pipeline.isAlike(batch.run.stream))
    let times = batch.rows.timestamps
    let codes = batch.columns.codes
    counts.makeRoom(batch.columns.combinations)
    var row = batch.run.rows.lowerBound
    while row < batch.run.rows.upperBound {
      let pane = panes.pane(times[row])
      let segment =
        row..<times.firstIndex(
          after: panes.paneEnd(pane), in: row..<batch.run.rows.upperBound)
      row = segment.upperBound
      guard panes.isCovered(pane) else { continue }
      if sample == .lineBytes {
        try addLengths(batch, segment, pane, outcomes, keys)
      } else if codes.isEmpty {
        try add(Int32(segment.count), batch, 0, segment, pane, outcomes, keys)
      } else {
        counts.count(codes, segment)
        for code in counts.seen {
          try add(counts.take(code), batch, code, segment, pane, outcomes, keys)
        }
        counts.seen.removeAll(keepingCapacity: true)
      }
    }
  }

  private mutating func known(
    _ batch: ColumnRun, _ code: Int, _ segment: Range<Int>, _ outcomes: FieldOutcomes,
    _ keys: FieldOutcomes.Keys
  ) throws(QueryError) -> FieldOutcome {
    let known = outcomes[code, keys]
    if known.place != -2 { return known }
    let made = try outcome(batch, code, segment)
    outcomes[code, keys] = made
    return made
  }

  private mutating func add(
    _ count: Int32, _ batch: ColumnRun, _ code: Int, _ segment: Range<Int>, _ pane: Int,
    _ outcomes: FieldOutcomes, _ keys: FieldOutcomes.Keys
  ) throws(QueryError) {
    let outcome = try known(batch, code, segment, outcomes, keys)
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
    _ batch: ColumnRun, _ segment: Range<Int>, _ pane: Int, _ outcomes: FieldOutcomes,
    _ keys: FieldOutcomes.Keys
  ) throws(QueryError) {
    for row in segment {
      let code = batch.columns.codes.isEmpty ? 0 : Int(batch.columns.codes[row])
      let outcome = try known(batch, code, segment, outcomes, keys)
      guard outcome.place >= 0 else { continue }
      passed += 1
      sink.add(
        Double(batch.rows.lineLength(row)), at: batch.rows.timestamps[row], pane: pane,
        to: Int(outcome.place))
    }
  }

  /// The one column that is not coded has the samples.
  private mutating func visitNumbers(_ batch: ColumnRun, _ numbers: [Double]) throws(QueryError) {
    let (shared, keys) = known.outcomes(batch, isAlike: pipeline.isAlike(batch.run.stream))
    let (rows, run) = (batch.rows, batch.run)
    // By codes, so that rows need no look at the shared ones.
    var places = [Int32](repeating: -2, count: batch.columns.combinations)
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
        if places[code] == -2 { places[code] = try known(batch, code, segment, shared, keys).place }
        let place = places[code]
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

/// Counts rows by their codes.
struct CodeCounts {
  private var counts: [Int32] = []
  /// Codes that were counted and not taken yet, in the order in which they came up.
  var seen: [Int] = []

  /// Codes that come are less than `combinations`.
  mutating func makeRoom(_ combinations: Int) {
    if counts.count < combinations {
      counts.append(contentsOf: repeatElement(0, count: combinations - counts.count))
    }
  }

  mutating func count(_ codes: [UInt32], _ rows: Range<Int>) {
    // In bounds: a batch's codes are less than its combinations, which there is room for.
    codes.withUnsafeBufferPointer { codes in
      counts.withUnsafeMutableBufferPointer { counts in
        for row in rows {
          let code = Int(codes[row])
          if counts[code] == 0 { seen.append(code) }
          counts[code] &+= 1
        }
      }
    }
  }

  /// How often the code came.
  mutating func take(_ code: Int) -> Int32 {
    defer { counts[code] = 0 }
    return counts[code]
  }
}
