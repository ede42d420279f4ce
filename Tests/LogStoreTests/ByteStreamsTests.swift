import TestSupport
import Testing

@testable import LogStore

@Suite struct ByteStreamsTests {
  private func reader(_ writer: ByteStreamWriter) throws -> ByteStreamReader {
    var page: [UInt8] = []
    writer.append(to: &page)
    return try page.withUnsafeBytes { bytes in
      var reader = BlockReader(bytes)
      return try ByteStreamReader(PageBytes(page), &reader)
    }
  }

  /// Streams of each kind come back one by one and as planes of numbers; only what was compressed
  /// counts as inflated.
  @Test func bytesAndPlanesOfEachKind() throws {
    var random = RandomSource(seed: 3)
    let noise = (0..<1000).map { _ in UInt8.random(in: .min ... .max, using: &random) }
    let even = [UInt8](repeating: 7, count: 1000)
    let small: [UInt8] = [1, 2, 3]
    var writer = ByteStreamWriter()
    for bytes in [noise, even, small, [], noise] { _ = writer.add(bytes) }
    var streams = try reader(writer)
    #expect(try streams.bytes(0) == noise)
    #expect(streams.inflatedCount == 0, "it is kept as it is")
    #expect(try streams.bytes(1, expected: 1000) == even)
    #expect(streams.inflatedCount == 1000)
    #expect(try streams.bytes(2) == small)
    #expect(try streams.bytes(3) == [])
    #expect(streams.inflatedCount == 1000)
    let values = try streams.values(planes: 2, first: 0, count: 1000)
    #expect(values == noise.map { 0x700 | UInt64($0) })
    #expect(streams.inflatedCount == 2000, "one plane of two was compressed")
    #expect(throws: LogStoreError.self) { try streams.bytes(5) }
    #expect(throws: LogStoreError.self) { try streams.bytes(-1) }
    #expect(throws: LogStoreError.self) { try streams.bytes(0, expected: 999) }
    #expect(throws: LogStoreError.self) { try streams.values(planes: 2, first: 4, count: 1000) }
  }
}
