import Bytes
import TelemetryModel

/// The structured metadata of a block's rows as lists, each distinct one made once. Used by one
/// thread.
final class MetadataLists {
  /// A column's name and values, and for each row the place of its value; empty where that is
  /// the row's own number.
  struct Column {
    let name: String
    let data: ColumnData
    let places: [UInt32]
  }

  private let codes: ShapeCodes
  /// Of each shape.
  private let columns: [[Column]]
  private var tables: [CodedLists?]
  private var known: [[UInt8]: [Label]] = [:]
  private static let knownMax = 4096

  init(_ codes: ShapeCodes, _ columns: [[Column]]) {
    self.codes = codes
    self.columns = columns
    tables = columns.map { CodedLists($0) }
  }

  func list(_ row: Int) -> [Label] {
    let code = codes.code(row)
    guard let place = tables[code]?.place(row) else { return found(row, code) }
    if let list = tables[code]?.lists[place] { return list }
    let made = list(row, columns[code])
    tables[code]?.lists[place] = made
    return made
  }

  /// Of columns with many values: found by the texts.
  private func found(_ row: Int, _ code: Int) -> [Label] {
    var key: [UInt8] = []
    for column in columns[code] {
      let start = key.count
      column.data.append(column.places.isEmpty ? row : Int(column.places[row]), to: &key)
      key.appendVarint(UInt64(key.count - start))
    }
    key.appendVarint(UInt64(code))
    if let list = known[key] { return list }
    let made = list(row, columns[code])
    if known.count < Self.knownMax { known[key] = made }
    return made
  }

  private func list(_ row: Int, _ columns: [Column]) -> [Label] {
    var text: [UInt8] = []
    return columns.map { column in
      text.removeAll(keepingCapacity: true)
      column.data.append(column.places.isEmpty ? row : Int(column.places[row]), to: &text)
      return Label(column.name, String(decoding: text, as: UTF8.self))
    }
  }

  /// Lists of a shape whose columns have few values each: found by the values' codes.
  private struct CodedLists {
    /// The codes of a column, the places of its values by row, and what a code counts for.
    private var columns: [(codes: [UInt16], places: [UInt32], weight: Int)] = []
    var lists: [[Label]?]
    private static let countMax = 4096

    /// Nil when a column is no dictionary, or there are too many ways to combine values.
    init?(_ all: [Column]) {
      var count = 1
      for column in all {
        if column.data is ConstantData { continue }
        guard let dictionary = column.data as? DictionaryData else { return nil }
        columns.append((dictionary.codes, column.places, count))
        count *= dictionary.texts.count
        guard count <= Self.countMax else { return nil }
      }
      lists = Array(repeating: nil, count: count)
    }

    func place(_ row: Int) -> Int {
      var place = 0
      for column in columns {
        let index = column.places.isEmpty ? row : Int(column.places[row])
        place += Int(column.codes[index]) * column.weight
      }
      return place
    }
  }
}
