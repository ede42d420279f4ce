import Compression
import LinuxIO
@testable import LogSources
import WireFormats

/// A GELF message's JSON: the line that is made of it is a message that makes the same line.
func fuzzGELFMessage(_ input: UnsafeRawBufferPointer) {
  guard let message = GELFMessage(json: Array(input)) else { return }
  let line = message.line()
  guard let again = GELFMessage(json: line) else {
    preconditionFailure("a line is no message")
  }
  precondition(again.line() == line, "a line changes when it is read")
  precondition(again.timestamp == message.timestamp, "the time changes")
}

/// A message in chunks, in any order and with others between: what comes out is what comes of the
/// whole datagram. The first byte tells how it is packed, the second the length of the chunks.
func fuzzGELFChunks(_ input: UnsafeRawBufferPointer) {
  guard input.count >= 3 else { return }
  let (mode, size) = (input[0], 1 + Int(input[1]))
  var payload = Array(input[2...])
  if mode & 3 == 1 { payload = (try? Zlib.compress(payload, .gzip)) ?? payload }
  if mode & 3 == 2 { payload = (try? Zlib.compress(payload, .zlib)) ?? payload }
  let peer = SocketAddress.ipv4(address: 1, port: 2)
  let now = MonotonicTime(nanoseconds: 1_000_000_000)
  func take(_ bytes: [UInt8], _ assembly: inout GELFAssembly) -> [UInt8]? {
    bytes.withUnsafeBytes { assembly.take($0, from: peer, now: now) }
  }
  // Anything may be a datagram.
  var other = GELFAssembly()
  _ = take(Array(input[1...]), &other)
  _ = take([0x1e, 0x0f] + input[1...], &other)

  let count = (payload.count + size - 1) / size
  guard count <= GELFAssembly.chunksMax, !payload.starts(with: [0x1e, 0x0f]) else { return }
  var whole = GELFAssembly()
  let expected = take(payload, &whole)
  var assembly = GELFAssembly()
  var order = Array(0..<count)
  if mode & 4 != 0 { order.reverse() }
  if mode & 8 != 0 { order = order.filter { $0 % 2 == 0 } + order.filter { $0 % 2 == 1 } }
  var made: [[UInt8]] = []
  for (step, number) in order.enumerated() {
    let part = payload[(number * size)..<min(payload.count, (number + 1) * size)]
    let head = [0x1e, 0x0f] + [UInt8](repeating: 7, count: 8)
    let chunk = head + [UInt8(number), UInt8(count)] + part
    if let message = take(chunk, &assembly) { made.append(message) }
    if mode & 16 != 0, step + 1 < count {
      precondition(take(chunk, &assembly) == nil, "a chunk that came twice ends a message")
    }
  }
  precondition(made == (expected.map { [$0] } ?? []), "chunks make another message")
  precondition(assembly.waitingBytes == 0, "chunks of a message that is whole are kept")
}
