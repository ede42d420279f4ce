import Bytes
import TestSupport
import Testing

@testable import SpanStore

@Suite struct ColumnTests {
  private func page(_ values: [Int64]) -> [UInt8] {
    var out: [UInt8] = []
    NumberColumn.encode(values[...], to: &out)
    return out
  }

  private func read(_ column: [UInt8]) throws -> [Int64] {
    let page = column + [UInt8](repeating: 0, count: NumberColumn.slackBytes)
    return try NumberColumn.Reader(page, 0..<column.count).values(of: page)
  }

  @Test(
    arguments: [
      [], [5], [7, 7, 7], [.min, .max], [.min, 0, .max, -1, 1], [200, 404, 200, 500, 200],
      Array(0..<300), Array(-70..<70), [0, 1, 0, 1, 1],
    ] as [[Int64]])
  func numbersComeBack(values: [Int64]) throws {
    #expect(try read(page(values)) == values)
  }

  @Test func everyWidthComesBackInPart() throws {
    var random = RandomSource(seed: 1)
    for width in 1...64 {
      let mask: UInt64 = width == 64 ? .max : 1 << UInt64(width) - 1
      let values = (0..<700).map { _ in
        Int64(bitPattern: random.next() & mask) &- Int64(width)
      }
      let column = page(values)
      #expect(try read(column) == values)
      #expect(column.count <= 700 * width / 8 + 32)
      let bytes = column + [UInt8](repeating: 0, count: NumberColumn.slackBytes)
      let reader = try NumberColumn.Reader(bytes, 0..<column.count)
      #expect(try reader.values(123..<456, of: bytes) == Array(values[123..<456]))
      #expect(throws: ByteError.self) { try reader.values(600..<701, of: bytes) }
    }
  }

  @Test func fewDifferentNumbersTakeFewBits() {
    let values = (0..<1000).map { Int64([200, 404, 500, 1 << 40][$0 % 4]) }
    #expect(page(values).count < 300)
  }

  /// A dictionary of one value whose place takes 64 bits, and is below zero.
  @Test func placesBelowZeroAreErrors() {
    let column: [UInt8] = [1, 2, 1, 0, 0x40] + [UInt8](repeating: 0xff, count: 8)
    #expect(throws: ByteError.self) { try read(column) }
  }

  @Test func damagedNumbersAreErrorsAndNothingElse() {
    for values in [Array(0..<300), (0..<300).map { Int64($0 % 3) << 40 }] {
      let column = page(values)
      for index in column.indices {
        for bit in [UInt8(1), 0x80] {
          var damaged = column
          damaged[index] ^= bit
          _ = try? read(damaged)
        }
        #expect(throws: ByteError.self) { try read(Array(column.prefix(index))) }
      }
    }
  }

  @Test(arguments: [(3, true), (300, true), (1_000_000, false)])
  func textsTakeADictionaryWhileTheyRepeat(different: Int, isCoded: Bool) throws {
    var random = RandomSource(seed: 5)
    var builder = TextColumnBuilder()
    for _ in 0..<3 {
      for _ in 0..<2000 {
        let text = Array("text \(Int.random(in: 0..<different, using: &random))".utf8)
        text.withUnsafeBytes { builder.append($0) }
      }
      var block: [UInt8] = []
      builder.closeBlock(to: &block)
      #expect(block.first == (isCoded ? TextForm.codes : .plain).rawValue)
      #expect(builder.count == 0)
    }
    let dictionary = try builder.dictionary().map { try TextDictionary(page: $0) }
    #expect((dictionary != nil) == isCoded)
    guard let dictionary else { return }
    #expect(dictionary.count == different)
    for code in [0, different - 1] {
      #expect(dictionary.code(of: Array(dictionary.text(code))) == code)
    }
    #expect(dictionary.code(of: Array("text x".utf8)) == nil)
  }

  @Test func tablesNumberEachTextOnce() {
    var table = ByteTable()
    for _ in 0..<2 {
      for number in 0..<5000 {
        #expect(table.number(of: Array("name \(number)".utf8)) == UInt32(number))
      }
    }
    #expect(table.count == 5000)
    #expect(table.string(4321) == "name 4321")
    #expect(table.existingNumber(of: "name 17") == 17)
    #expect(table.existingNumber(of: "name") == nil)
  }
}
