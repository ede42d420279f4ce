/// The bytes of a block's page: at hand as a whole, or read part by part as they are asked for.
struct PageBytes: Sendable {
  /// The page, or what it begins with.
  let beginning: [UInt8]
  let count: Int
  private let pages: (any SegmentPages)?
  private let number: Int

  /// A page that is at hand.
  init(_ page: [UInt8]) {
    beginning = page
    count = page.count
    pages = nil
    number = 0
  }

  /// A page of `count` bytes of which more than `beginning` is read when it is asked for.
  init(_ beginning: [UInt8], of number: Int, _ count: Int, _ pages: any SegmentPages) {
    self.beginning = beginning
    self.count = count
    self.pages = pages
    self.number = number
  }

  /// Lends the bytes of `range`; `readCount` grows by what had to be read for it.
  func withBytes<Value>(
    _ range: Range<Int>, _ readCount: inout Int,
    _ body: (UnsafeRawBufferPointer) throws(LogStoreError) -> Value
  ) throws(LogStoreError) -> Value {
    guard range.lowerBound >= 0, range.upperBound <= count else {
      throw BlockReader.malformed("it ends early")
    }
    guard let pages, range.upperBound > beginning.count else {
      return try beginning.withUnsafeBufferPointer { (bytes) throws(LogStoreError) -> Value in
        try body(UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(bytes)[range]))
      }
    }
    let part = try pages.part(of: number, range)
    readCount += part.count
    return try part.withUnsafeBufferPointer { (bytes) throws(LogStoreError) -> Value in
      try body(UnsafeRawBufferPointer(bytes))
    }
  }
}
