import Bytes
import TelemetryModel

/// Deletes that decide on the texts of lines, asked all at once.
struct TextDeletes: Sendable {
  /// Those that want a text in the line, and these texts.
  private let finding: [RowDelete]
  private let texts: NeedleSet?
  private let others: [RowDelete]
  /// From the earliest to the latest time that any is about; nil when there is none.
  private let range: ClosedRange<Timestamp>?

  /// To be asked of many lines where `isForMany`: the texts are made ready for that first.
  init(_ deletes: [RowDelete], isForMany: Bool) {
    let finding = isForMany ? deletes.filter { !$0.conditions.literals.isEmpty } : []
    self.finding = finding
    texts = finding.isEmpty ? nil : NeedleSet(finding.map { $0.conditions.literals[0] })
    let earliest = deletes.map(\.range.lowerBound).min()
    range = earliest.flatMap { low in deletes.map(\.range.upperBound).max().map { low...$0 } }
    others = isForMany ? deletes.filter(\.conditions.literals.isEmpty) : deletes
  }

  /// Of a run's rows those that all of them leave.
  func surviving(_ run: ChosenRun, _ rows: any LoadedRows) throws(LogStoreError) -> ChosenRun {
    guard let range else { return run }
    var run = run
    let (times, labels) = (try rows.timestamps(), run.stream.labels)
    var line: [UInt8] = []
    run.rows = try run.rows.filtered { (row) throws(LogStoreError) in
      let time = times[row]
      guard range.contains(time) else { return true }
      line.removeAll(keepingCapacity: true)
      try rows.appendLine(row, to: &line)
      let metadata = try rows.metadata(row)
      return line.withUnsafeBytes { line in
        let takes = { (delete: RowDelete) in
          delete.range.contains(time) && delete.takes(line, labels, metadata)
        }
        return !others.contains(where: takes)
          && texts?.contains(in: line) { takes(finding[$0]) } != true
      }
    }
    return run
  }
}
