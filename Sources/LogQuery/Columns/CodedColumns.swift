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
  /// Columns that codes are made of, in order.
  private(set) var coded: [Int] = []
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
      case .dictionary(let dictionary):
        let count = max(1, dictionary.values.count)
        counts.append(count)
        let (product, overflow) = combinations.multipliedReportingOverflow(by: count)
        guard !overflow, product <= CodedColumns.combinationsMax else {
          counts[number] = 1
          uncoded.append(number)
          continue
        }
        if coded.isEmpty {
          codes = dictionary.codes
        } else {
          Self.join(&codes, UInt32(count), dictionary.codes)
        }
        coded.append(number)
        combinations = product
      }
    }
  }

  private static func join(_ codes: inout [UInt32], _ count: UInt32, _ more: [UInt32]) {
    codes.withUnsafeMutableBufferPointer { codes in
      more.withUnsafeBufferPointer { more in
        for row in 0..<min(codes.count, more.count) {
          codes[row] = codes[row] &* count &+ more[row]
        }
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
