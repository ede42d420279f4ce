import Bytes
import Testing

@Suite struct ByteCursorTests {
  @Test func readsWhatWasWritten() throws {
    var bytes: [UInt8] = []
    bytes.appendLittleEndian(UInt32(0xdead_beef))
    bytes.appendBigEndian(UInt16(0x0102))
    bytes.appendVarint(300)
    bytes.append(utf8: "abc")
    #expect(Array(bytes.prefix(6)) == [0xef, 0xbe, 0xad, 0xde, 1, 2])
    #expect(Array(bytes[6..<8]) == [0xac, 0x02])
    var cursor = ByteCursor(bytes.span.bytes)
    let little = try cursor.readLittleEndian(UInt32.self)
    let big = try cursor.readBigEndian(UInt16.self)
    let number = try cursor.readVarint()
    let rest = try cursor.readBytes(3).byteCount
    #expect(little == 0xdead_beef)
    #expect(big == 0x0102)
    #expect(number == 300)
    #expect(rest == cursor.position - 8)
    expectEnd(cursor)
  }

  @Test func varintsOfEveryLengthSurvive() throws {
    for shift in 0..<64 {
      for value in [UInt64(1) << shift, (UInt64(1) << shift) - 1, UInt64.max >> shift] {
        var bytes: [UInt8] = []
        bytes.appendVarint(value)
        var cursor = ByteCursor(bytes.span.bytes)
        let read = try cursor.readVarint()
        #expect(read == value)
        expectEnd(cursor)
        #expect(fault(Array(bytes.dropLast())) { try $0.readVarint() } == .truncated)
      }
    }
  }

  @Test func tooLongVarintsAreRefused() {
    let long = [UInt8](repeating: 0x80, count: 10) + [1]
    #expect(fault(long) { try $0.readVarint() } == .malformedVarint)
    let wide = [UInt8](repeating: 0xff, count: 9) + [2]
    #expect(fault(wide) { try $0.readVarint() } == .malformedVarint)
  }

  @Test func nothingIsReadPastTheEnd() {
    let bytes: [UInt8] = [5, 1, 2]
    #expect(fault(bytes) { try $0.readLittleEndian(UInt32.self) } == .truncated)
    #expect(fault(bytes) { try $0.readLength() } == .truncated)
    #expect(fault(bytes) { try $0.skip(4) } == .truncated)
    #expect(fault(bytes) { try $0.skip(-1) } == .truncated)
    #expect(fault(bytes) { _ = try $0.readBytes(4) } == .truncated)
    #expect(fault(bytes) { try $0.readByte() } == nil)
  }

  @Test func zigZagKeepsEverySign() throws {
    for value in [0, -1, 1, Int64.min, .max, 12345, -98765] {
      var bytes: [UInt8] = []
      bytes.appendZigZag(value)
      var cursor = ByteCursor(bytes.span.bytes)
      let read = decodeZigZag(try cursor.readVarint())
      #expect(read == value)
    }
  }

  private func expectEnd(_ cursor: borrowing ByteCursor) {
    let isAtEnd = cursor.isAtEnd
    #expect(isAtEnd)
  }

  /// The error of one read, which must leave the cursor where it was; nil without one.
  private func fault<T>(_ bytes: [UInt8], _ read: (inout ByteCursor) throws -> T)
    -> ByteError?
  {
    var cursor = ByteCursor(bytes.span.bytes)
    do {
      _ = try read(&cursor)
      return nil
    } catch {
      let position = cursor.position
      #expect(position == 0)
      return error as? ByteError
    }
  }
}
