import LogStore

/// The columns of a batch with one code for each row: rows of equal codes have equal values in
/// every column that could be coded.
struct CodedColumns {
  let columns: [FieldColumn]
  /// Of each row; empty when all rows have the same values.
  private(set) var codes: [UInt32] = []
  /// Codes are less than this.
  private(set) var combinations = 1
  /// How many values each column has: 1 for constants and for columns that are not coded.
  private var counts: [Int] = []
  /// Columns with a value of its own on each row.
  private(set) var uncoded: [Int] = []
  private static let combinationsMax = 1 << 20

  /// nil when a column is not at hand: the rows have to be parsed from their lines.
  init?(_ rows: LogRows, _ plan: FieldPlan) {
    var columns: [FieldColumn] = []
    for (number, request) in plan.requests.enumerated() {
      if let column = rows.column(number) {
        columns.append(column)
      } else if case .metadata = request, rows.hasNoMetadata {
        columns.append(.constant(nil))
      } else {
        return nil
      }
    }
    self.columns = columns
    for (number, column) in columns.enumerated() {
      switch column {
      case .constant: counts.append(1)
      case .numbers, .texts:
        counts.append(1)
        uncoded.append(number)
      case .dictionary(let codes, let values):
        counts.append(max(1, values.count))
        let (product, overflow) = combinations.multipliedReportingOverflow(by: max(1, values.count))
        guard !overflow, product <= CodedColumns.combinationsMax else {
          counts[number] = 1
          uncoded.append(number)
          continue
        }
        if self.codes.isEmpty {
          self.codes = codes
        } else {
          let count = UInt32(values.count)
          for row in codes.indices {
            self.codes[row] = self.codes[row] &* count &+ codes[row]
          }
        }
        combinations = product
      }
    }
  }

  /// For each column the place of the value that `code` stands for.
  func places(of code: Int) -> [Int] {
    var rest = code
    var places = [Int](repeating: 0, count: counts.count)
    for number in counts.indices.reversed() where counts[number] > 1 {
      (rest, places[number]) = rest.quotientAndRemainder(dividingBy: counts[number])
    }
    return places
  }
}
