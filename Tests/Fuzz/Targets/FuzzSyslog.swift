@testable import LogSources
import TelemetryModel

/// What a stream of syslog messages came to.
private struct FramedMessages: Equatable {
  var messages: [[UInt8]] = []
  var failure: SyslogFraming.Failure?
  var cutLines = 0

  init(_ input: UnsafeRawBufferPointer, bytesMax: Int, pieceBytes: Int) {
    var framing = SyslogFraming(bytesMax: bytesMax)
    var at = 0
    do throws(SyslogFraming.Failure) {
      while at < input.count {
        let end = min(input.count, at + pieceBytes)
        try framing.append(UnsafeRawBufferPointer(rebasing: input[at..<end])) {
          messages.append(Array($0))
        }
        at = end
      }
      framing.finish { messages.append(Array($0)) }
    } catch { failure = error }
    cutLines = framing.cutLines
  }
}

/// A stream of messages: however it is cut to pieces, the same messages come out of it, none
/// longer than the limit. The first byte tells limit and length of the pieces.
func fuzzSyslogFraming(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  let stream = UnsafeRawBufferPointer(rebasing: input.dropFirst())
  let bytesMax = 8 << Int(mode & 7)
  let whole = FramedMessages(stream, bytesMax: bytesMax, pieceBytes: max(1, stream.count))
  let pieces = FramedMessages(stream, bytesMax: bytesMax, pieceBytes: 1 + Int(mode >> 3))
  precondition(whole == pieces, "messages depend on how the stream is cut")
  precondition(whole.messages.allSatisfy { $0.count <= bytesMax }, "a message above the limit")
  let bytes = whole.messages.reduce(0) { $0 + $1.count }
  precondition(bytes <= stream.count, "more bytes than came")
}

/// A message in all three formats: a whole RFC 5424 message is the same when it is written anew.
func fuzzSyslogMessage(_ input: UnsafeRawBufferPointer) {
  let now = Timestamp(seconds: 1_700_000_000)
  let new = SyslogMessage(input, format: .rfc5424, now: now)
  let old = SyslogMessage(input, format: .rfc3164, now: now)
  let either = SyslogMessage(input, format: .auto, now: now)
  precondition(either == (new ?? old), "`auto` reads what no format reads")
  for message in [new, old] {
    guard let message else { continue }
    let parts = [
      message.host, message.application, message.process, message.messageID, message.text,
    ].compactMap { $0 }
    precondition(parts.allSatisfy { $0.upperBound <= input.count && !$0.isEmpty || $0.isEmpty })
    for (left, right) in zip(parts, parts.dropFirst()) {
      precondition(left.upperBound <= right.lowerBound, "parts overlap")
    }
    precondition(message.severity < 8 && message.facility < 24, "no priority")
  }
  guard let new, new.text != nil, new.structuredData.count < 256 else { return }
  let written = write(new, input)
  written.withUnsafeBytes { bytes in
    guard let again = SyslogMessage(bytes, format: .rfc5424, now: now) else {
      preconditionFailure("a message that was written cannot be read")
    }
    precondition(write(again, bytes) == written, "a message changes when it is written")
    precondition(again.structuredData == new.structuredData, "structured data are lost")
    precondition(again.timestamp == new.timestamp, "the time is lost")
  }
}

/// RFC 5424, section 6.
private func write(_ message: SyslogMessage, _ bytes: UnsafeRawBufferPointer) -> [UInt8] {
  var out = Array("<\(Int(message.facility) * 8 + Int(message.severity))>1 ".utf8)
  if let time = message.timestamp {
    out += GoTimeLayout.rfc3339Nano.format(ZonedTime(time)).utf8
  } else {
    out += [0x2d]
  }
  for part in [message.host, message.application, message.process, message.messageID] {
    out += [0x20] + (part.map { Array(bytes[$0]) } ?? [0x2d])
  }
  out.append(0x20)
  if message.structuredData.isEmpty { out += [0x2d] }
  for parameter in message.structuredData {
    let value = parameter.value.reduce(into: "") { text, character in
      for scalar in character.unicodeScalars {
        if ["\"", "\\", "]"].contains(scalar) { text.unicodeScalars.append("\\") }
        text.unicodeScalars.append(scalar)
      }
    }
    out += "[\(parameter.element) \(parameter.name)=\"\(value)\"]".utf8
  }
  out.append(0x20)
  // A mark before the text would be taken for one of its encoding.
  if let text = message.text {
    if bytes[text].starts(with: [0xef, 0xbb, 0xbf]) { out += [0xef, 0xbb, 0xbf] }
    out += bytes[text]
  }
  return out
}
