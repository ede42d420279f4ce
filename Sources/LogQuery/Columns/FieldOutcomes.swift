import LogStore

/// What the stages make of all rows with one combination of values.
struct FieldOutcome: BitwiseCopyable {
  /// The series, -1 where the row is dropped, -2 where nobody has asked yet.
  var place: Int32 = -2
  var value = 0.0
}

/// The outcomes of combinations of values, found by the codes of a batch.
final class FieldOutcomes {
  /// By codes, or by the numbers of one column's values where they are small.
  @exclusivity(unchecked) private var list: [FieldOutcome] = []
  /// By the numbers of two columns' values, or of one's where few of many numbers occur.
  @exclusivity(unchecked) private var table: [UInt64: FieldOutcome] = [:]
  /// How many were set in the list.
  @exclusivity(unchecked) private var setCount = 0

  /// How many outcomes there is room for.
  var count: Int { list.count + table.count }

  /// The list is not padded to more than this for each outcome that it holds.
  private static let paddingMax = 16

  /// How a batch's codes become keys.
  enum Keys {
    /// The codes themselves: outcomes of one batch.
    case codes
    case numbers([UInt32])
    case pairs([UInt32], [UInt32])
  }

  subscript(code: Int, keys: Keys) -> FieldOutcome {
    get {
      switch keys {
      case .codes: return code < list.count ? list[code] : FieldOutcome()
      case .numbers(let numbers):
        let place = Self.place(numbers[code])
        if place < list.count { return list[place] }
        return table.isEmpty ? FieldOutcome() : table[UInt64(place)] ?? FieldOutcome()
      case .pairs(let first, let second): return table[Self.pair(code, first, second)] ?? .init()
      }
    }
    set {
      switch keys {
      case .codes: set(newValue, at: code)
      case .numbers(let numbers):
        let place = Self.place(numbers[code])
        if place < list.count || place <= Self.paddingMax * (setCount + 4) {
          set(newValue, at: place)
        } else {
          table[UInt64(place)] = newValue
        }
      case .pairs(let first, let second): table[Self.pair(code, first, second)] = newValue
      }
    }
  }

  private func set(_ outcome: FieldOutcome, at place: Int) {
    while list.count <= place { list.append(FieldOutcome()) }
    if list[place].place == -2 { setCount += 1 }
    list[place] = outcome
  }

  /// The number of a value that is absent is the largest: it comes first.
  private static func place(_ number: UInt32) -> Int { Int(number &+ 1) }

  private static func pair(_ code: Int, _ first: [UInt32], _ second: [UInt32]) -> UInt64 {
    let (a, b) = code.quotientAndRemainder(dividingBy: second.count)
    return UInt64(first[a]) << 32 | UInt64(second[b])
  }
}

/// Outcomes that hold for more than one batch: of one stream, or of all streams without the
/// labels that are looked at, in blocks of one segment. Used by one thread.
struct KnownOutcomes {
  private struct Key: Hashable {
    enum Column: Hashable {
      case coded
      /// The stages see a number in place of each value.
      case standIn
      case constant([UInt8]?)
    }

    /// Nil for streams that are alike.
    let stream: UInt64?
    let strings: ObjectIdentifier
    let columns: [Column]
  }

  /// With what keeps the key's object alive.
  private var known: [Key: (strings: AnyObject, outcomes: FieldOutcomes)] = [:]
  /// The outcomes that were handed out last, and how many there were before.
  private var last: (outcomes: FieldOutcomes, before: Int)?
  /// How many outcomes there is room for in all that is known, but for what the last ones grew by.
  private var count = 0
  private static let knownMax = 1024
  /// 16 bytes each, or some 30 in a table.
  static let countMax = 1 << 20

  /// How many outcomes there is room for in all that is known.
  var outcomeCount: Int { count + (last.map { $0.outcomes.count - $0.before } ?? 0) }

  /// The outcomes for a batch and how its codes find them; such that hold for the run alone where
  /// nothing more is known.
  mutating func outcomes(_ batch: ColumnRun, isAlike: Bool) -> (FieldOutcomes, FieldOutcomes.Keys) {
    guard let strings = batch.rows.strings, let keys = Self.keys(batch.columns) else {
      return (FieldOutcomes(), .codes)
    }
    var columns: [Key.Column] = []
    for (number, column) in batch.columns.columns.enumerated() {
      if number == batch.standIn {
        columns.append(.standIn)
      } else if case .constant(let value) = column {
        columns.append(.constant(value))
      } else {
        columns.append(.coded)
      }
    }
    let key = Key(
      stream: isAlike ? nil : batch.run.stream.id, strings: ObjectIdentifier(strings),
      columns: columns)
    count = outcomeCount
    if known.count >= Self.knownMax || count > Self.countMax {
      known.removeAll()
      count = 0
    }
    let outcomes = known[key]?.outcomes ?? FieldOutcomes()
    known[key] = (strings, outcomes)
    last = (outcomes, outcomes.count)
    return (outcomes, keys)
  }

  private static func keys(_ columns: CodedColumns) -> FieldOutcomes.Keys? {
    var numbers: [[UInt32]] = []
    for number in columns.coded {
      guard case .dictionary(let dictionary) = columns.columns[number],
        dictionary.numbers.count == dictionary.values.count
      else { return nil }
      numbers.append(dictionary.numbers)
    }
    switch numbers.count {
    case 0: return .codes
    case 1: return .numbers(numbers[0])
    case 2: return .pairs(numbers[0], numbers[1])
    default: return nil
    }
  }
}
