/// Which rows of a source make up a batch, in the batch's order.
struct RowPlaces {
  /// The first of rows that follow each other.
  private let first: Int
  /// The rows where they do not.
  private let list: [UInt32]
  let count: Int

  init(_ rows: Range<Int>) {
    first = rows.lowerBound
    list = []
    count = rows.count
  }

  init(_ rows: [UInt32]) {
    first = 0
    list = rows
    count = rows.count
  }

  @inline(__always)
  subscript(row: Int) -> Int { list.isEmpty ? first + row : Int(list[row]) }

  /// The rows, when they follow each other.
  var range: Range<Int>? { list.isEmpty ? first..<(first + count) : nil }

  @inline(__always)
  func forEach<Failure: Error>(_ body: (Int) throws(Failure) -> Void) throws(Failure) {
    if list.isEmpty {
      for row in first..<(first + count) { try body(row) }
    } else {
      for row in list { try body(Int(row)) }
    }
  }

  /// What `value` says of each row.
  @inline(__always)
  func map<Value>(_ value: (Int) -> Value) -> [Value] {
    [Value](unsafeUninitializedCapacity: count) { out, filled in
      if list.isEmpty {
        for index in 0..<count { out.initializeElement(at: index, to: value(first + index)) }
      } else {
        list.withUnsafeBufferPointer { list in
          for index in 0..<count { out.initializeElement(at: index, to: value(Int(list[index]))) }
        }
      }
      filled = count
    }
  }

  /// Of a column of the source, the values of these rows; without a copy when these are all.
  func pick<Value>(_ values: [Value]) -> [Value] {
    if let range {
      return range == 0..<values.count ? values : Array(values[range])
    }
    return values.withUnsafeBufferPointer { values in map { values[$0] } }
  }
}
