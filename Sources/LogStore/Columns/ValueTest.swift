import Bytes

/// A text that a value must hold, at one place or another.
struct ValueTest: Hashable, Sendable {
  enum Anchor: UInt8, Sendable {
    case anywhere, prefix, suffix, whole
  }

  var anchor: Anchor
  var text: [UInt8]

  func holds(_ value: UnsafeRawBufferPointer) -> Bool {
    guard value.count >= text.count else { return false }
    switch anchor {
    case .anywhere: return ByteSearch.firstIndex(of: text, in: value) != nil
    case .prefix: return Self.equals(value, 0, text)
    case .suffix: return Self.equals(value, value.count - text.count, text)
    case .whole: return value.count == text.count && Self.equals(value, 0, text)
    }
  }

  private static func equals(_ value: UnsafeRawBufferPointer, _ start: Int, _ text: [UInt8])
    -> Bool
  {
    for index in 0..<text.count where value[start + index] != text[index] { return false }
    return true
  }
}

/// Which values of a column pass a test.
enum ValueMatches {
  case none
  case all
  /// 1 for those that do.
  case some([UInt8])
}

/// One way in which a text can lie in a line or value of a shape: all tests must hold.
struct SlotTest: Hashable, Sendable {
  var slot: Int
  var test: ValueTest
}

/// All ways in which a text can lie in what is made of constants with slots between them.
///
/// A shape whose constants hold the text gives one way without tests. Nil as a whole when there
/// are too many ways: then nothing is known.
struct TextAlignment {
  private let text: [UInt8]
  private let constants: [ArraySlice<UInt8>]
  private let endsAtEnd: Bool
  /// Whether a slot may pass a test at all; what cannot is not followed.
  private let mayPass: (Int, ValueTest) -> Bool
  private var ways: [[SlotTest]] = []
  private var isOver = false

  private static let waysMax = 64

  static func ways(
    of test: ValueTest, in constants: [ArraySlice<UInt8>],
    mayPass: (Int, ValueTest) -> Bool
  ) -> [[SlotTest]]? {
    withoutActuallyEscaping(mayPass) { mayPass in
      var alignment = TextAlignment(test, constants, mayPass)
      alignment.start(test.anchor)
      if alignment.ways.contains(where: \.isEmpty) { return [[]] }
      return alignment.isOver ? nil : alignment.ways
    }
  }

  private init(
    _ test: ValueTest, _ constants: [ArraySlice<UInt8>],
    _ mayPass: @escaping (Int, ValueTest) -> Bool
  ) {
    text = test.text
    self.constants = constants
    self.mayPass = mayPass
    endsAtEnd = test.anchor == .suffix || test.anchor == .whole
  }

  private mutating func start(_ anchor: ValueTest.Anchor) {
    if anchor == .prefix || anchor == .whole {
      walk(0, 0, 0, [])
      return
    }
    for (index, constant) in constants.enumerated() {
      for offset in constant.indices where text.isEmpty || constant[offset] == text[0] {
        walk(index, offset - constant.startIndex, 0, [])
      }
    }
    if text.isEmpty, constants.allSatisfy(\.isEmpty) { add([]) }
    for slot in 0..<(constants.count - 1) { startInSlot(slot) }
  }

  /// The text begins within the value of a slot.
  private mutating func startInSlot(_ slot: Int) {
    guard !text.isEmpty else { return }
    if !endsAtEnd {
      add([SlotTest(slot: slot, test: ValueTest(anchor: .anywhere, text: text))])
    } else if slot == constants.count - 2, constants[slot + 1].isEmpty {
      add([SlotTest(slot: slot, test: ValueTest(anchor: .suffix, text: text))])
    }
    let next = constants[slot + 1]
    for count in 1..<max(1, text.count) {
      if let first = next.first, first != text[count] { continue }
      let test = ValueTest(anchor: .suffix, text: Array(text[..<count]))
      guard mayPass(slot, test) else { continue }
      walk(slot + 1, 0, count, [SlotTest(slot: slot, test: test)])
    }
  }

  private mutating func add(_ way: [SlotTest]) {
    guard !isOver, way.allSatisfy({ mayPass($0.slot, $0.test) }) else { return }
    if ways.count >= Self.waysMax {
      isOver = true
    } else if !ways.contains(way) {
      ways.append(way)
    }
  }

  /// The text from `position` on lies at `offset` of a constant and goes on from there.
  private mutating func walk(
    _ index: Int, _ offset: Int, _ position: Int, _ tests: [SlotTest]
  ) {
    guard !isOver, tests.count < 16 else {
      isOver = true
      return
    }
    let constant = constants[index].dropFirst(offset)
    let shared = min(constant.count, text.count - position)
    guard constant.prefix(shared).elementsEqual(text[position..<(position + shared)]) else {
      return
    }
    let next = position + shared
    if next == text.count {
      guard endsAtEnd else {
        add(tests)
        return
      }
      guard shared == constant.count else { return }
    }
    guard index < constants.count - 1 else {
      if next == text.count { add(tests) }
      return
    }
    if next < text.count, shared < constant.count { return }
    walkSlot(index, next, tests)
  }

  private mutating func walkSlot(_ slot: Int, _ position: Int, _ tests: [SlotTest]) {
    let rest = Array(text[position...])
    if !endsAtEnd {
      let test = ValueTest(anchor: .prefix, text: rest)
      add(tests + [SlotTest(slot: slot, test: test)])
    }
    let following = constants[slot + 1]
    for count in 0...rest.count {
      if count == rest.count, !endsAtEnd { continue }
      if count < rest.count, let first = following.first, first != rest[count] { continue }
      let test = ValueTest(anchor: .whole, text: Array(rest[..<count]))
      guard mayPass(slot, test) else { continue }
      walk(slot + 1, 0, position + count, tests + [SlotTest(slot: slot, test: test)])
    }
  }
}
