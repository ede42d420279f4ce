/// The values of one requested field over the rows of a batch.
package enum FieldColumn {
  /// The same on all rows; nil when it is absent from all.
  case constant([UInt8]?)
  case dictionary(Dictionary)
  /// Every row has a number.
  case numbers(NumberColumn)
  /// Values one after another; absent where the end is before the start.
  case texts(TextColumn)

  /// Few distinct values.
  package struct Dictionary {
    /// For each row the place of its value in `values`.
    package let codes: [UInt32]
    /// Nil means that the value is absent.
    package var values: [[UInt8]?]
    /// One for each value: equal numbers are equal values in all batches whose
    /// ``LogRows/strings`` are the same object.
    package let numbers: [UInt32]

    package init(codes: [UInt32], values: [[UInt8]?], numbers: [UInt32]) {
      self.codes = codes
      self.values = values
      self.numbers = numbers
    }
  }

  /// Numbers, each exactly what its text says.
  package struct NumberColumn {
    package let values: [Double]
    /// The numbers are these divided by ten to the power of `scale`.
    package let mantissas: [Int64]
    package var scale: Int { style.scale }
    private let style: NumberStyle

    init(mantissas: [Int64], style: NumberStyle, values: [Double]) {
      self.mantissas = mantissas
      self.style = style
      self.values = values
    }

    /// The text of row `row`, as it stands in the line.
    package func text(_ row: Int) -> [UInt8] {
      var text: [UInt8] = []
      style.append(mantissas[row], to: &text)
      return text
    }
  }

  package struct TextColumn {
    package let bytes: [UInt8]
    /// Where each row's value lies; `UInt32.max` as a start says that it is absent.
    package let starts: [UInt32]
    package let ends: [UInt32]

    package init(bytes: [UInt8], starts: [UInt32], ends: [UInt32]) {
      self.bytes = bytes
      self.starts = starts
      self.ends = ends
    }
  }

  /// Lends the value of row `row`; nil when it is absent.
  package func withText<Result, Failure: Error>(
    _ row: Int, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    switch self {
    case .constant(let value): return try Self.lend(value, body)
    case .dictionary(let column):
      return try Self.lend(column.values[Int(column.codes[row])], body)
    case .numbers(let column): return try Self.lend(column.text(row), body)
    case .texts(let column):
      guard column.starts[row] != .max else { return try body(nil) }
      let range = Int(column.starts[row])..<Int(column.ends[row])
      return try column.bytes.withUnsafeBufferPointer { (bytes) throws(Failure) -> Result in
        try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[range]))
      }
    }
  }

  private static func lend<Result, Failure: Error>(
    _ value: [UInt8]?, _ body: (UnsafeRawBufferPointer?) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    guard let value else { return try body(nil) }
    return try value.withUnsafeBufferPointer { (bytes) throws(Failure) -> Result in
      try body(UnsafeRawBufferPointer(bytes))
    }
  }
}
