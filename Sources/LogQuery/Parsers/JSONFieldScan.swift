/// Looks for fields by their paths in one pass over a line, as leniently as the parser that Loki
/// uses (grafana/jsonparser, `EachKey`): keys and brackets alone are looked at, so that fields are
/// found behind what is malformed.
struct JSONFieldScan {
  let paths: [JSONPath]
  private let depthMax: Int
  /// The keys down to where the scan stands; those of levels that were left stay.
  private var keys: [UnsafeRawBufferPointer]
  private var isDone: [Bool]
  private var doneCount = 0

  init(_ paths: [JSONPath]) {
    self.paths = paths
    depthMax = paths.map(\.steps.count).max() ?? 0
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    keys = Array(repeating: nothing, count: depthMax)
    isDone = Array(repeating: false, count: paths.count)
  }

  /// What is told of a line.
  enum Finding {
    /// The number of the path, and its value.
    case value(Int, JSONText.Value)
    case failure(JSONFailure)
  }

  private static let quote = UInt8(ascii: "\"")
  private static let open = UInt8(ascii: "[")
  private static let close = UInt8(ascii: "]")

  /// Tells each field once, in the order of the line.
  mutating func run(_ text: JSONText, _ arena: ByteArena, _ tell: (Finding) -> Void) {
    for index in keys.indices { keys[index] = UnsafeRawBufferPointer(start: nil, count: 0) }
    for index in isDone.indices { isDone[index] = false }
    doneCount = 0
    let end = text.bytes.count
    var level = 0
    var at = 0
    while at < end {
      switch text.bytes[at] {
      case JSONFieldScan.quote:
        guard let next = takeString(text, at, level, arena, tell) else { return }
        at = next
      case UInt8(ascii: "{"): level += 1
      case UInt8(ascii: "}"), JSONFieldScan.close: level -= 1
      case JSONFieldScan.open:
        guard level >= 0 else {
          tell(.failure(.malformed))
          return
        }
        if let items = wantedItems(level) {
          level += 1
          at = takeArray(text, at, level, items, arena, tell) - 1
          if doneCount == paths.count { return }
        } else {
          guard let stop = text.blockEnd(at, end, JSONFieldScan.open, JSONFieldScan.close) else {
            return
          }
          at = stop - 1
        }
      default: break
      }
      at += 1
    }
  }

  /// A string that may be a key; where the scan goes on but for one byte, nil at its end.
  private mutating func takeString(
    _ text: JSONText, _ start: Int, _ level: Int, _ arena: ByteArena, _ tell: (Finding) -> Void
  ) -> Int? {
    let end = text.bytes.count
    guard let (stop, hasEscape) = text.stringEnd(start + 1, end) else { return nil }
    let at = text.skipBlanks(stop + 1, end)
    guard at < end else { return nil }
    guard text.bytes[at] == UInt8(ascii: ":") else { return at - 1 }
    var key = text.slice((start + 1)..<stop)
    if hasEscape {
      guard let plain = JSONEscapes.unescape(key, arena) else { return nil }
      key = plain
    }
    guard depthMax >= level else { return text.skipBlanks(at + 1, end) - 1 }
    guard level >= 1 else {
      tell(.failure(.malformed))
      return nil
    }
    keys[level - 1] = key
    var isFound = false
    for (number, path) in paths.enumerated() {
      guard path.steps.count == level, !isDone[number], isOn(path, level) else { continue }
      isFound = true
      isDone[number] = true
      doneCount += 1
      do {
        tell(.value(number, try text.value(at + 1, end)))
      } catch { tell(.failure(error)) }
    }
    if doneCount == paths.count { return nil }
    return isFound ? at : text.skipBlanks(at + 1, end) - 1
  }

  /// Whether the first `level` steps are the keys down to here.
  private func isOn(_ path: JSONPath, _ level: Int) -> Bool {
    for index in 0..<min(level, path.steps.count) {
      guard isEqual(keys[index], path.steps[index].text) else { return false }
    }
    return true
  }

  private func isEqual(_ key: UnsafeRawBufferPointer, _ text: [UInt8]) -> Bool {
    key.count == text.count && key.elementsEqual(text)
  }

  /// The paths that lead into an array at `level`, with the numbers of their items.
  private func wantedItems(_ level: Int) -> [(path: Int, index: Int)]? {
    var items: [(path: Int, index: Int)] = []
    for (number, path) in paths.enumerated() {
      guard path.steps.count > level, !isDone[number], let index = path.steps[level].index,
        isOn(path, level)
      else { continue }
      items.append((number, index))
    }
    return items.isEmpty ? nil : items
  }

  /// Reads an array's items; where the scan goes on.
  private mutating func takeArray(
    _ text: JSONText, _ start: Int, _ level: Int, _ items: [(path: Int, index: Int)],
    _ arena: ByteArena, _ tell: (Finding) -> Void
  ) -> Int {
    JSONFieldScan.eachItem(text, start, text.bytes.count) { number, value in
      for item in items where item.index == number {
        isDone[item.path] = true
        doneCount += 1
        let rest = paths[item.path].steps[level...]
        guard let at = JSONFieldScan.search(text, value.bytes, rest, arena) else { continue }
        if value.kind == .string {
          var part = value
          part.bytes = at..<value.bytes.upperBound
          tell(.value(item.path, part))
          continue
        }
        do throws(JSONFailure) {
          tell(.value(item.path, try text.value(at, value.bytes.upperBound)))
        } catch { tell(.failure(error)) }
      }
    }
  }

  /// Gives each value of the array that opens at `start`; where it closes or is malformed.
  private static func eachItem(
    _ text: JSONText, _ start: Int, _ end: Int, _ body: (Int, JSONText.Value) -> Void
  ) -> Int {
    var at = start + 1
    let first = text.skipBlanks(at, end)
    guard first < end else { return at }
    at = first
    if text.bytes[at] == close { return at }
    var number = 0
    while let value = try? text.value(at, end) {
      body(number, value)
      number += 1
      at = value.end
      let next = text.skipBlanks(at, end)
      guard next < end else { return at }
      at = next
      guard text.bytes[at] == UInt8(ascii: ",") else { return at }
      at += 1
    }
    return at
  }

  /// Where the value begins that `steps` lead to within `range`; nil when there is none.
  private static func search(
    _ text: JSONText, _ range: Range<Int>, _ steps: ArraySlice<JSONPath.Step>, _ arena: ByteArena
  ) -> Int? {
    guard let first = steps.indices.first else { return range.lowerBound }
    let end = range.upperBound
    var found = 0
    var level = 0
    var isOnPath = true
    var at = range.lowerBound
    while at < end {
      switch text.bytes[at] {
      case quote:
        guard let (stop, _) = text.stringEnd(at + 1, end) else { return nil }
        let next = text.skipBlanks(stop + 1, end)
        guard next < end else { return nil }
        if text.bytes[next] == UInt8(ascii: ":") {
          guard level >= 1, level <= steps.count,
            let key = JSONEscapes.unescape(text.slice((at + 1)..<stop), arena)
          else { return nil }
          isOnPath = key.elementsEqual(steps[first + level - 1].text)
          if isOnPath, found == level - 1 {
            found += 1
            if found == steps.count { return next + 1 }
          }
          at = next
        } else {
          at = next - 1
        }
      case UInt8(ascii: "{"):
        if isOnPath {
          level += 1
        } else {
          guard let stop = text.blockEnd(at, end, UInt8(ascii: "{"), UInt8(ascii: "}")) else {
            return nil
          }
          at = stop - 1
        }
      case UInt8(ascii: "}"):
        level -= 1
        if level == found { found -= 1 }
      case open:
        if level >= 0, found == level, let index = steps[first + level].index {
          var item: Range<Int>?
          _ = eachItem(text, at, end) { number, value in
            guard number == index else { return }
            item = value.kind == .string ? (value.bytes.lowerBound - 1)..<value.end : value.bytes
          }
          return item.flatMap { search(text, $0, steps[(first + level + 1)...], arena) }
        }
        guard let stop = text.blockEnd(at, end, open, close) else { return nil }
        at = stop - 1
      case UInt8(ascii: ":"): return nil
      default: break
      }
      at += 1
    }
    return nil
  }
}
