import Bytes
import Testing
import WireFormats

@Suite struct ProtobufTests {
  /// Bytes of protobuf.dev's encoding guide: `Test1{a: 150}`, `Test2{b: "testing"}`,
  /// `Test3{c: Test1}`, packed `[3, 270, 86942]`.
  @Test func writesTheGuidesExamples() {
    var writer = ProtobufWriter()
    writer.uint64(1, 150)
    #expect(Hex.encode(writer.bytes) == "089601")
    writer.bytes = []
    writer.string(2, "testing")
    #expect(Hex.encode(writer.bytes) == "120774657374696e67")
    writer.bytes = []
    writer.message(3) { $0.uint64(1, 150) }
    #expect(Hex.encode(writer.bytes) == "1a03089601")
    writer.bytes = []
    writer.int32(1, -2)
    #expect(Hex.encode(writer.bytes) == "08feffffffffffffffff01")
    writer.bytes = []
    writer.sint64(1, -2)
    #expect(Hex.encode(writer.bytes) == "0803")
  }

  @Test func readsWhatWasWritten() throws {
    var writer = ProtobufWriter()
    writer.uint64(1, .max)
    writer.int64(2, -7)
    writer.sint64(3, -99)
    writer.fixed64(4, 0x0123_4567_89ab_cdef)
    writer.fixed32(5, 42)
    writer.double(6, -0.5)
    writer.string(7, "é")
    writer.bool(8, true)
    writer.message(1_000_000) { inner in
      inner.bytes(1, [UInt8](repeating: 7, count: 300))
      inner.message(2) { $0.uint32(1, 5) }
    }
    var reader = ProtobufReader(writer.bytes.span.bytes)
    #expect(try reader.nextField() && reader.uint64() == .max)
    #expect(try reader.nextField() && reader.int64() == -7)
    #expect(try reader.nextField() && reader.sint64() == -99)
    #expect(try reader.nextField() && reader.fixed64() == 0x0123_4567_89ab_cdef)
    #expect(try reader.nextField() && reader.fixed32() == 42)
    #expect(try reader.nextField() && reader.double() == -0.5)
    #expect(try reader.nextField() && reader.string() == "é")
    #expect(try reader.nextField() && reader.bool())
    #expect(try reader.nextField())
    #expect(reader.field == 1_000_000)
    var inner = try reader.message()
    #expect(try inner.nextField() && inner.byteArray() == [UInt8](repeating: 7, count: 300))
    #expect(try inner.nextField())
    var innermost = try inner.message()
    #expect(try innermost.nextField() && innermost.uint32() == 5)
    #expect(try !innermost.nextField() && !inner.nextField() && !reader.nextField())
  }

  @Test func skipsEveryWireType() throws {
    var writer = ProtobufWriter()
    writer.uint64(1, 300)
    writer.fixed64(2, 1)
    writer.string(3, "abc")
    writer.fixed32(4, 1)
    writer.uint64(5, 9)
    var reader = ProtobufReader(writer.bytes.span.bytes)
    for _ in 0..<4 {
      #expect(try reader.nextField())
      try reader.skip()
    }
    #expect(try reader.nextField() && reader.uint64() == 9 && reader.isAtEnd)
  }

  @Test func readsPackedAndUnpackedNumbers() throws {
    let bytes = try Hex.decode(Array("22060".utf8) + Array("38e029ea705".utf8))
    var reader = ProtobufReader(bytes.span.bytes)
    var values: [UInt64] = []
    #expect(try reader.nextField())
    try reader.appendVarints(to: &values)
    #expect(values == [3, 270, 86942])
    let single: [UInt8] = [0x20, 7]
    var other = ProtobufReader(single.span.bytes)
    #expect(try other.nextField())
    try other.appendVarints(to: &values)
    #expect(values.last == 7)
  }

  private func failure(_ hex: String) -> ProtobufError? {
    guard let bytes = try? Hex.decode(Array(hex.utf8)) else { return nil }
    var reader = ProtobufReader(bytes.span.bytes)
    do {
      while try reader.nextField() { try reader.skip() }
      return nil
    } catch { return error }
  }

  @Test(arguments: [
    ("08", ProtobufError.truncated), ("0880", .truncated), ("00", .malformedTag),
    ("0b", .unsupportedWireType(field: 1, type: 3)),
    ("0c", .unsupportedWireType(field: 1, type: 4)),
    ("0f", .unsupportedWireType(field: 1, type: 7)), ("0a05616263", .truncated),
    ("0affffffffffffffffff01", .truncated), ("0affffffffffffffffff7f", .malformedVarint),
    ("09000000", .truncated), ("0d0000", .truncated),
    ("08ffffffffffffffffffff01", .malformedVarint), ("80808080100a", .malformedTag),
  ])
  func refuses(_ hex: String, _ error: ProtobufError) {
    #expect(failure(hex) == error)
  }

  @Test func refusesAnotherWireTypeAndBrokenText() throws {
    let bytes: [UInt8] = [0x0a, 2, 0xc3, 0x28]
    #expect(throws: ProtobufError.unexpectedWireType(field: 1, type: 2)) {
      var reader = ProtobufReader(bytes.span.bytes)
      _ = try reader.nextField()
      _ = try reader.uint64()
    }
    #expect(throws: ProtobufError.malformedText(field: 1)) {
      var reader = ProtobufReader(bytes.span.bytes)
      _ = try reader.nextField()
      _ = try reader.string()
    }
  }

  @Test func survivesRandomBytes() {
    for _ in 0..<20_000 {
      let bytes = (0..<Int.random(in: 0...40)).map { _ in UInt8.random(in: 0...255) }
      var reader = ProtobufReader(bytes.span.bytes)
      var fields = 0
      while (try? reader.nextField()) == true, (try? reader.skip()) != nil { fields += 1 }
      #expect(fields <= bytes.count)
    }
  }
}
