/// Takes a stream of syslog messages apart (RFC 6587): octet counting (`17 <13>1 …`) and lines.
///
/// Which of the two is told by each message's first byte: a digit begins a count, anything else a
/// line that a line feed or NUL ends. A line above the limit is cut, and the rest of it passed
/// over; a count above the limit, or one that is no number, breaks the stream for good.
package struct SyslogFraming {
  /// Why nothing more can be told apart.
  package enum Failure: Error, Hashable {
    case malformedCount
    case tooLong(bytes: Int, bytesMax: Int)

    package var message: String {
      switch self {
      case .malformedCount: "a message's length is no number"
      case .tooLong(let bytes, let bytesMax):
        "a message of \(bytes) bytes is longer than max_message_length (\(bytesMax))"
      }
    }
  }

  /// Digits of a count, at most.
  private static let countDigitsMax = 9

  private let bytesMax: Int
  private var pending: [UInt8] = []
  /// Bytes of `pending` that were searched for a line's end in vain.
  private var searchedBytes = 0
  /// The rest of a line that was cut, up to its end, counts for nothing.
  private var isPassingOver = false
  /// Lines that were cut since the start.
  package private(set) var cutLines = 0

  /// `bytesMax` is the longest message.
  package init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// Takes the next bytes and hands on each whole message, lent for the call.
  ///
  /// Throws ``Failure``; the stream is of no more use then.
  package mutating func append(
    _ bytes: UnsafeRawBufferPointer, message: (UnsafeRawBufferPointer) -> Void
  ) throws(Failure) {
    if pending.isEmpty {
      let used = try split(bytes, message)
      pending.append(contentsOf: bytes[used...])
      return
    }
    // Taken out meanwhile, so that there is one owner and nothing is copied.
    var whole: [UInt8] = []
    swap(&whole, &pending)
    whole.append(contentsOf: bytes)
    let used = try whole.withUnsafeBufferPointer { (all) throws(Failure) in
      try split(UnsafeRawBufferPointer(all), message)
    }
    if used > 0 { whole.removeFirst(used) }
    swap(&whole, &pending)
  }

  /// Hands on what a stream that ended left: a last line without an end.
  package mutating func finish(message: (UnsafeRawBufferPointer) -> Void) {
    defer {
      pending = []
      searchedBytes = 0
    }
    guard let first = pending.first, !Self.isDigit(first), !isPassingOver else { return }
    pending.withUnsafeBytes { message($0) }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
  }

  /// How many bytes are done with.
  private mutating func split(
    _ bytes: UnsafeRawBufferPointer, _ message: (UnsafeRawBufferPointer) -> Void
  ) throws(Failure) -> Int {
    var at = 0
    var searched = searchedBytes
    searchedBytes = 0
    while at < bytes.count {
      let first = bytes[at]
      if !isPassingOver, first == 10 || first == 0 || first == 13 {
        at += 1
      } else if !isPassingOver, Self.isDigit(first) {
        guard let (start, end) = try counted(bytes, at) else { return at }
        guard end <= bytes.count else { return at }
        message(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        at = end
      } else {
        guard let next = line(bytes, at, from: at + searched, message) else {
          searchedBytes = bytes.count - at
          return at
        }
        at = next
      }
      searched = 0
    }
    return at
  }

  /// Where a counted message begins and ends; nil while its count is not whole.
  private func counted(_ bytes: UnsafeRawBufferPointer, _ start: Int) throws(Failure)
    -> (start: Int, end: Int)?
  {
    var count = 0
    var at = start
    while at < bytes.count, Self.isDigit(bytes[at]) {
      count = count * 10 + Int(bytes[at] - UInt8(ascii: "0"))
      at += 1
      guard at - start <= Self.countDigitsMax else { throw .malformedCount }
    }
    guard at < bytes.count else { return nil }
    guard bytes[at] == UInt8(ascii: " "), count > 0 else { throw .malformedCount }
    guard count <= bytesMax else { throw .tooLong(bytes: count, bytesMax: bytesMax) }
    return (at + 1, at + 1 + count)
  }

  /// Where the next message begins; nil while the line has no end. Before `from` there is none.
  private mutating func line(
    _ bytes: UnsafeRawBufferPointer, _ start: Int, from: Int,
    _ message: (UnsafeRawBufferPointer) -> Void
  ) -> Int? {
    var end = from
    while end < bytes.count, bytes[end] != 10, bytes[end] != 0 { end += 1 }
    let isWhole = end < bytes.count
    if isPassingOver {
      isPassingOver = !isWhole
      return isWhole ? end + 1 : end
    }
    guard isWhole || end - start > bytesMax else { return nil }
    var last = min(end, start + bytesMax)
    if end - start > bytesMax {
      cutLines += 1
      isPassingOver = !isWhole
    }
    if last > start, isWhole, last == end, bytes[last - 1] == 13 { last -= 1 }
    message(UnsafeRawBufferPointer(rebasing: bytes[start..<last]))
    return isWhole ? end + 1 : end
  }
}
