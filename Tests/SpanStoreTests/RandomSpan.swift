import TelemetryModel
import TestSupport
import TraceFormats
import WireFormats

@testable import SpanStore

/// Spans of every form that OTLP allows, and of some that only odd clients write.
enum RandomSpan {
  struct Made {
    var trace: TraceID
    var message: [UInt8]
  }

  private static let keys = ["a", "b", "http.status", "user.id", "", "schlüssel"]
  private static let texts = ["x", "y", "", "42", "true", "1.5", "straße", "longer than a word"]

  static func make(_ random: inout RandomSource) -> Made {
    let trace = TraceID(high: UInt64.random(in: 0...9, using: &random), low: 1 << 63)
    var fields: [[UInt8]] = []
    func field(_ write: (inout ProtobufWriter) -> Void) {
      var writer = ProtobufWriter()
      write(&writer)
      fields.append(writer.bytes)
    }
    var id: [UInt8] = []
    for half in [trace.high, trace.low] {
      id += (0..<8).map { UInt8(truncatingIfNeeded: half >> (56 - 8 * $0)) }
    }
    field { $0.bytes(1, id) }
    field { $0.bytes(2, [0, 0, 0, 0, 0, 0, 1, UInt8.random(in: 1...40, using: &random)]) }
    if Bool.random(using: &random) { field { $0.string(3, "a=b") } }
    if Bool.random(using: &random) {
      let parent = UInt8.random(in: 1...60, using: &random)
      field { $0.bytes(4, [0, 0, 0, 0, 0, 0, 1, parent]) }
    }
    let name = texts.randomElement(using: &random) ?? ""
    if !name.isEmpty || Bool.random(using: &random) { field { $0.string(5, name) } }
    let kind = Int32.random(in: -1...6, using: &random)
    if kind != 0 { field { $0.int32(6, kind) } }
    let start = UInt64.random(in: 0...5_000_000, using: &random)
    if start % 5 != 0 { field { $0.fixed64(7, start) } }
    let end = random.next() % 3 == 0 ? random.next() : start + 7
    field { $0.fixed64(8, end) }
    for _ in 0..<Int.random(in: 0...5, using: &random) {
      let bytes = attribute(&random)
      field { $0.bytes(9, bytes) }
    }
    if random.next() % 4 == 0 { field { $0.uint32(10, 3) } }
    for _ in 0..<Int.random(in: 0...2, using: &random) {
      let bytes = event(&random, start)
      field { $0.bytes(11, bytes) }
    }
    if random.next() % 3 == 0 {
      let bytes = link(&random)
      field { $0.bytes(13, bytes) }
    }
    if random.next() % 3 == 0 {
      let code = Int32.random(in: 0...3, using: &random)
      field {
        $0.message(15) { status in
          status.string(2, "why")
          if code != 0 { status.int32(3, code) }
        }
      }
    }
    if random.next() % 3 == 0 { field { $0.fixed32(16, 0x100) } }
    if random.next() % 5 == 0 { field { $0.string(99, "later") } }
    if random.next() % 5 == 0 { field { $0.fixed64(77, random.next()) } }
    // Other orders, a field twice, and varints that are longer than they need be.
    if random.next() % 4 == 0 { fields.shuffle(using: &random) }
    if random.next() % 9 == 0 { fields.append([0x30, 0x85, 0x80, 0x00]) }
    if random.next() % 9 == 0 { fields.append([0xaa, 0x80, 0x00, 0x01, 0x78]) }
    return Made(trace: trace, message: fields.flatMap(\.self))
  }

  private static func attribute(_ random: inout RandomSource) -> [UInt8] {
    var writer = ProtobufWriter()
    let key = keys.randomElement(using: &random) ?? ""
    writer.string(1, key)
    let value = value(&random)
    switch random.next() % 12 {
    case 0: break
    case 1: writer.bytes = [0x12, UInt8(value.count)] + value + writer.bytes
    default: writer.bytes(2, value)
    }
    return writer.bytes
  }

  private static func value(_ random: inout RandomSource) -> [UInt8] {
    var value = ProtobufWriter()
    let text = texts.randomElement(using: &random) ?? ""
    switch random.next() % 9 {
    case 0: value.bool(2, Bool.random(using: &random))
    case 1: value.int64(3, [42, -1, .max, 0].randomElement(using: &random) ?? 0)
    case 2: value.double(4, [1.5, .infinity, -0.0].randomElement(using: &random) ?? 0)
    case 3: value.message(5) { list in list.message(1) { $0.string(1, text) } }
    case 4:
      value.message(6) { map in
        map.message(1) { member in
          member.string(1, "k")
          member.message(2) { $0.int64(3, 1) }
        }
      }
    case 5: value.bytes(7, Array(text.utf8))
    case 6: break
    default: value.string(1, text)
    }
    return value.bytes
  }

  private static func event(_ random: inout RandomSource, _ start: UInt64) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.fixed64(1, start &+ random.next() % 100)
    writer.string(2, "event")
    for _ in 0..<Int.random(in: 0...2, using: &random) { writer.bytes(3, attribute(&random)) }
    return writer.bytes
  }

  private static func link(_ random: inout RandomSource) -> [UInt8] {
    var writer = ProtobufWriter()
    writer.bytes(1, [UInt8](repeating: 7, count: 16))
    writer.bytes(2, [UInt8](repeating: 8, count: 8))
    writer.bytes(4, attribute(&random))
    writer.fixed32(6, 1)
    return writer.bytes
  }

  static func condition(_ random: inout RandomSource) -> SpanCondition {
    let text = (texts + ["-1", "+Inf", "svc1", "absent", #"["x"]"#]).randomElement(using: &random)
    let wanted = text ?? ""
    let key = (keys + ["service.name", "absent"]).randomElement(using: &random) ?? ""
    let places: [SpanCondition.Places] = [
      .anywhere, .span, .event, .link, .resource, [.span, .resource], [.event, .scope],
    ]
    let place = places.randomElement(using: &random) ?? .anywhere
    switch random.next() % 6 {
    case 0: return SpanCondition(.attribute(key, place), .holds { _ in true })
    case 1: return SpanCondition(.attribute(key, place), .holds { $0.text > wanted })
    case 2: return SpanCondition(.kind, .holds { $0 == .int(3) })
    default: return SpanCondition(.attribute(key, place), .text(wanted))
    }
  }
}
