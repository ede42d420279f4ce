import Bytes
import TelemetryModel

/// Deletes that decide on the texts of lines, asked all at once.
struct TextDeletes: Sendable {
  /// Those that want texts in the line.
  private let finding: [RowDelete]
  private let texts: NeedleSet?
  private let others: [RowDelete]

  /// To be asked of many lines where `isForMany`: the texts are made ready for that first.
  init(_ deletes: [RowDelete], isForMany: Bool) {
    let finding = isForMany ? deletes.filter { !$0.conditions.literals.isEmpty } : []
    self.finding = finding
    texts = finding.isEmpty ? nil : NeedleSet(finding.map(\.conditions.literals))
    others = isForMany ? deletes.filter(\.conditions.literals.isEmpty) : deletes
  }

  /// Of a run's rows those that all of them leave.
  func surviving(_ run: ChosenRun, _ rows: any LoadedRows) throws(LogStoreError) -> ChosenRun {
    var run = run
    let (times, labels) = (try rows.timestamps(), run.stream.labels)
    var line: [UInt8] = []
    run.rows = try run.rows.filtered { (row) throws(LogStoreError) in
      let time = times[row]
      line.removeAll(keepingCapacity: true)
      try rows.appendLine(row, to: &line)
      // Those whose labels decide, too, are asked when it is known of their texts.
      var onLabels: [RowDelete] = []
      let isTaken = line.withUnsafeBytes { line in
        let takes = { (delete: RowDelete) in
          guard delete.range.contains(time), delete.takes(line) else { return false }
          if delete.asksLabels { onLabels.append(delete) }
          return !delete.asksLabels
        }
        return others.contains(where: takes)
          || texts?.contains(in: line) { takes(finding[$0]) } == true
      }
      if isTaken || onLabels.isEmpty { return !isTaken }
      let metadata = try rows.metadata(row)
      return !onLabels.contains { $0.takes(labels, metadata) }
    }
    return run
  }
}
