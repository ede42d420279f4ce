import LinuxIO

/// Bytes that wait to be sent: small ones gathered into one piece, large arrays kept as they are.
struct OutputQueue {
  private var pieces = Deque<[UInt8]>()
  /// Bytes of the first piece (or of the tail, with no pieces) that were sent already.
  private var sentOfFirst = 0
  private var tail: [UInt8] = []
  private(set) var byteCount = 0

  /// Arrays of this size or more are not copied.
  private static let copyBytesMax = 16 << 10

  var isEmpty: Bool { byteCount == 0 }

  mutating func append(_ bytes: [UInt8]) {
    guard bytes.count >= Self.copyBytesMax else {
      tail.append(contentsOf: bytes)
      byteCount += bytes.count
      return
    }
    sealTail()
    pieces.append(bytes)
    byteCount += bytes.count
  }

  mutating func append(_ bytes: some Sequence<UInt8>) {
    let before = tail.count
    tail.append(contentsOf: bytes)
    byteCount += tail.count - before
  }

  /// Lets `body` add bytes to the end in place.
  mutating func edit(_ body: (inout [UInt8]) -> Void) {
    let before = tail.count
    body(&tail)
    byteCount += tail.count - before
    if tail.count >= 4 * Self.copyBytesMax { sealTail() }
  }

  private mutating func sealTail() {
    guard !tail.isEmpty else { return }
    pieces.append(tail)
    tail = []
  }

  /// Calls `body` with the first piece and whether more follows; what it returns was sent.
  mutating func withFirst(_ body: (UnsafeRawBufferPointer, Bool) -> Int) {
    if pieces.isEmpty { sealTail() }
    guard let first = pieces.first else { return }
    let more = byteCount > first.count - sentOfFirst
    let count = first.withUnsafeBytes {
      body(UnsafeRawBufferPointer(rebasing: $0[sentOfFirst...]), more)
    }
    byteCount -= count
    sentOfFirst += count
    guard sentOfFirst == first.count else { return }
    sentOfFirst = 0
    if let emptied = pieces.popFirst(), pieces.isEmpty, tail.isEmpty { reuse(emptied) }
  }

  /// Keeps a small buffer for the next response instead of giving it back.
  private mutating func reuse(_ bytes: [UInt8]) {
    guard bytes.capacity <= 4 * Self.copyBytesMax else { return }
    tail = bytes
    tail.removeAll(keepingCapacity: true)
  }

  mutating func removeAll() { self = OutputQueue() }
}
