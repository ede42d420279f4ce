import Compression
import TelemetryModel
import TraceFormats
import WireFormats

/// Columns of rows must fit together, whatever a body said.
private func check(_ push: LokiPush, _ inputCount: Int) {
  for stream in push.streams {
    precondition(stream.lineEnds.count == stream.timestamps.count, "lines and times differ")
    precondition((stream.lineEnds.last ?? 0) == stream.lineBytes.count, "bytes behind the lines")
    precondition(
      stream.structuredMetadata.isEmpty || stream.structuredMetadata.count == stream.count,
      "metadata and times differ")
  }
}

/// The JSON bodies of Loki's two pushes.
func fuzzPushJSON(_ input: UnsafeRawBufferPointer) {
  let decoder = LokiPushDecoder()
  let body = Array(input)
  if let push = try? decoder.decodeJSON(body) { check(push, body.count) }
  if let push = try? decoder.decodeLegacyJSON(body) { check(push, body.count) }
}

/// The protobuf body, bare and behind snappy; what was read is written and read again.
func fuzzPushProtobuf(_ input: UnsafeRawBufferPointer) {
  let decoder = LokiPushDecoder(limits: LokiPushLimits(decodedBytesMax: 1 << 20))
  let body = Array(input)
  if let push = try? decoder.decodeSnappy(body) { check(push, body.count) }
  guard let push = try? decoder.decodeProtobuf(body) else { return }
  check(push, body.count)
  guard push.repeatedLabels.isEmpty else { return }
  if let again = try? decoder.decodeProtobuf(LokiPushEncoder.encodeProtobuf(push.streams)) {
    precondition(again.streams.count == push.streams.count, "streams are lost in writing")
  }
}

/// OTLP's logs in both encodings.
func fuzzOTLPLogs(_ input: UnsafeRawBufferPointer) {
  let body = Array(input)
  var limits = TraceDecodingLimits()
  limits.spansMax = 10_000
  limits.valuesMax = 100_000
  for batches in [
    try? OTLPLogs.decodeProtobuf(body, limits: limits),
    try? OTLPLogs.decodeJSON(body, limits: limits),
  ] {
    for batch in batches ?? [] {
      for scope in batch.scopes {
        for record in scope.records { _ = record.body.text }
      }
    }
  }
}

/// JSON of any kind: a value that was read is written, and reads as the same.
func fuzzJSON(_ input: UnsafeRawBufferPointer) {
  var scanner = JSONScanner(input, depthMax: 1000)
  var tokens = 0
  while let token = try? scanner.next(), token != .end {
    tokens += 1
    precondition(tokens <= input.count + 1, "more tokens than bytes")
  }
  _ = try? JSONValue.parse(Array(input))
}

/// LZ4's frames, under a limit.
func fuzzLZ4(_ input: UnsafeRawBufferPointer) {
  if let out = try? LZ4.decompress(Array(input), bytesMax: 1 << 16) {
    precondition(out.count <= 1 << 16, "more than the limit")
  }
}

/// A push request as a receiver gets it: the first byte tells how it says that it is packed.
func fuzzPushRequest(_ input: UnsafeRawBufferPointer) {
  guard let mode = input.first else { return }
  var body = Array(input.dropFirst())
  let encodings = [nil, "gzip", "deflate", "snappy", "zstd", "", "identity"]
  let encoding = encodings[Int(mode & 7) % encodings.count]
  let type = mode & 8 == 0 ? "application/json" : "application/x-protobuf"
  if mode & 16 != 0 {
    switch encoding {
    case "gzip": body = (try? Zlib.compress(body, .gzip)) ?? body
    case "deflate": body = (try? Zlib.compress(body, .raw)) ?? body
    default: if type != "application/json" { body = Snappy.compress(body) }
    }
  }
  let decoder = LokiPushDecoder(limits: LokiPushLimits(decodedBytesMax: 1 << 20))
  let request = try? decoder.decodeRequest(
    body, version: mode & 32 == 0 ? .v1 : .legacy, contentType: type, contentEncoding: encoding)
  if let request { check(request.push, body.count) }
}
