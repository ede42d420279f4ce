import Bytes

/// What one column of values holds: an attribute of one kind, or a field that is none.
struct SpanColumn: Hashable, Sendable {
  /// Which message the field is of.
  enum Place: UInt8 {
    case span = 0
    case event = 1
    case link = 2
    case status = 3
  }

  /// How its values lie: an attribute's by the number of `AnyValue`'s field, others by wire type.
  enum Kind: UInt8 {
    case string = 1
    case bool = 2
    case int = 3
    case double = 4
    case array = 5
    case map = 6
    case bytes = 7
    /// An attribute whose value message is empty.
    case emptyValue = 8
    /// An attribute without a value message.
    case noValue = 9
    case varint = 16
    case fixed64 = 17
    case data = 18
    /// A `fixed64` that counts nanoseconds, kept as the difference to the span's start.
    case time = 20
    case fixed32 = 21

    var isText: Bool {
      switch self {
      case .string, .array, .map, .bytes, .data: true
      default: false
      }
    }

    var isNumber: Bool {
      switch self {
      case .bool, .int, .double, .varint, .fixed64, .time, .fixed32: true
      default: false
      }
    }

    var isAttribute: Bool { rawValue <= Kind.noValue.rawValue }
  }

  var place: Place
  /// The field's number in its message.
  var field: UInt32
  var kind: Kind
  /// Of an attribute.
  var key: [UInt8] = []

  /// Whether it holds attributes of a form that no client library writes, as their bytes.
  var isOddAttribute: Bool {
    guard kind == .data else { return false }
    switch place {
    case .span: return field == 9
    case .event: return field == 3
    case .link: return field == 4
    case .status: return false
    }
  }

  var encoded: [UInt8] {
    var out = [place.rawValue, kind.rawValue]
    out.appendVarint(UInt64(field))
    return out + key
  }

  init(place: Place, field: UInt32, kind: Kind, key: [UInt8] = []) {
    self.place = place
    self.field = field
    self.kind = kind
    self.key = key
  }

  init(encoded: [UInt8]) throws(ByteError) {
    var cursor = ByteCursor(encoded.span.bytes)
    guard let place = Place(rawValue: try cursor.readByte()),
      let kind = Kind(rawValue: try cursor.readByte())
    else { throw .malformedText }
    let field = try cursor.readVarint()
    guard (1...0x1fff_ffff).contains(field) else { throw .malformedText }
    var key: [UInt8] = []
    key.append(span: try cursor.readBytes(cursor.remaining))
    self.init(place: place, field: UInt32(field), kind: kind, key: key)
  }
}

/// How a span's message is put together: the order of its fields and the columns of their values.
///
/// Spans of one client library have few shapes. Number 0 is the shape of spans that are kept as
/// their message came.
struct SpanShape: Sendable {
  enum Step: Sendable, Equatable {
    case trace, span, parent, name, kind, start, end, statusCode
    case beginStatus, beginEvent, beginLink, endMessage
    /// A value of the column with this number.
    case value(Int)
  }

  static let whole = SpanShape(steps: [], hidesAttributes: false)

  let steps: [Step]
  /// Whether it has a parent's id.
  let hasParent: Bool
  /// Whether columns do not tell what an attribute is: its key comes twice in one message, or it
  /// is of a form that is kept as it came. Only reading the message tells what counts.
  let hidesAttributes: Bool

  /// How many values a span of this shape has in a column.
  func count(of column: Int) -> Int {
    steps.reduce(0) { $0 + ($1 == .value(column) ? 1 : 0) }
  }

  private static let plainSteps: [Step] = [
    .trace, .span, .parent, .name, .kind, .start, .end, .statusCode, .beginStatus, .beginEvent,
    .beginLink, .endMessage,
  ]

  /// Code of a step that has no column; a value's is ``valueCode``, followed by the column.
  static let valueCode: UInt8 = 12

  static func code(_ step: Step) -> UInt8 {
    UInt8(plainSteps.firstIndex(of: step) ?? Int(valueCode))
  }

  /// - Throws: `ByteError` when the steps are none, or nest wrongly.
  init(encoded: [UInt8], columns: [SpanColumn]) throws(ByteError) {
    var cursor = ByteCursor(encoded.span.bytes)
    var steps: [Step] = []
    var isInMessage = false
    var keys: Set<[UInt8]> = []
    var messageKeys: Set<[UInt8]> = []
    var isHidden = false
    while !cursor.isAtEnd {
      let code = try cursor.readByte()
      if code == Self.valueCode {
        let column = try cursor.readVarint()
        guard column < UInt64(columns.count) else { throw .malformedText }
        steps.append(.value(Int(column)))
        let told = columns[Int(column)]
        isHidden = isHidden || told.isOddAttribute
        guard told.kind.isAttribute else { continue }
        if isInMessage {
          isHidden = isHidden || !messageKeys.insert(told.key).inserted
        } else {
          isHidden = isHidden || !keys.insert(told.key).inserted
        }
        continue
      }
      guard Int(code) < Self.plainSteps.count else { throw .malformedText }
      let step = Self.plainSteps[Int(code)]
      switch step {
      case .beginStatus, .beginEvent, .beginLink:
        guard !isInMessage else { throw .malformedText }
        isInMessage = true
        messageKeys = []
      case .endMessage:
        guard isInMessage else { throw .malformedText }
        isInMessage = false
      default: break
      }
      steps.append(step)
    }
    guard !isInMessage else { throw .malformedText }
    self.init(steps: steps, hidesAttributes: isHidden)
  }

  init(steps: [Step], hidesAttributes: Bool) {
    self.steps = steps
    hasParent = steps.contains(.parent)
    self.hidesAttributes = hidesAttributes
  }
}
