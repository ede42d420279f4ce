import Bytes
import TelemetryModel

/// Trace ids as people and UIs write them.
enum TraceIDText {
  struct Fault: Error {
    let message: String
  }

  /// Up to 32 hexadecimal digits in any case, zeros in front may be missing; nil for other text.
  static func hex(_ text: String) -> TraceID? {
    guard (1...32).contains(text.utf8.count) else { return nil }
    var id = TraceID(high: 0, low: 0)
    for digit in text.utf8 {
      guard let nibble = Hex.value(digit) else { return nil }
      id.high = id.high << 4 | id.low >> 60
      id.low = id.low << 4 | UInt64(nibble)
    }
    return id
  }

  /// As Jaeger takes it: hexadecimal, or else the 16 bytes in base64.
  static func jaeger(_ text: String) throws(Fault) -> TraceID {
    guard text.utf8.count <= 32 else {
      throw Fault(message: "TraceID cannot be longer than 32 hex characters: \(text)")
    }
    if let id = hex(text) { return id }
    guard let bytes = try? Base64.decode(text.utf8), bytes.count == 16 else {
      throw Fault(message: "invalid length for TraceID")
    }
    return bytes.reduce(into: TraceID(high: 0, low: 0)) { id, byte in
      id.high = id.high << 8 | id.low >> 56
      id.low = id.low << 8 | UInt64(byte)
    }
  }
}
