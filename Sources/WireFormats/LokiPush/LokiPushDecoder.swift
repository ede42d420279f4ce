import Bytes
import Compression

/// Decodes Loki's push bodies into columns of rows, without a `String` for each line.
///
/// Safe to share between threads.
package struct LokiPushDecoder: Sendable {
  package let cache: LabelCache
  package let limits: LokiPushLimits

  package init(cache: LabelCache = LabelCache(), limits: LokiPushLimits = LokiPushLimits()) {
    self.cache = cache
    self.limits = limits
  }

  /// A snappy-compressed protobuf `PushRequest`: `application/x-protobuf`.
  package func decodeSnappy(_ body: UnsafeRawBufferPointer) throws(LokiPushError) -> LokiPush {
    let raw: [UInt8]
    do throws(CompressionError) {
      raw = try Snappy.decompress(body, bytesMax: limits.decodedBytesMax)
    } catch {
      throw Self.refusal(error, body)
    }
    return try decodeProtobuf(raw)
  }

  package func decodeSnappy(_ body: [UInt8]) throws(LokiPushError) -> LokiPush {
    try Self.lending(body) { (bytes) throws(LokiPushError) in try decodeSnappy(bytes) }
  }

  /// A protobuf `PushRequest` (grafana/loki pkg/push/push.proto), not compressed.
  package func decodeProtobuf(_ body: [UInt8]) throws(LokiPushError) -> LokiPush {
    try Self.lending(body) { (bytes) throws(LokiPushError) in
      try PushProtobufReader(bytes, cache: cache, limits: limits).read()
    }
  }

  /// The JSON body of `/loki/api/v1/push`: `{"streams":[{"stream":{},"values":[["ns","line"]]}]}`.
  package func decodeJSON(_ body: [UInt8]) throws(LokiPushError) -> LokiPush {
    try Self.lending(body) { (bytes) throws(LokiPushError) in
      var reader = PushJSONReader(bytes)
      return try reader.readPush()
    }
  }

  /// The JSON body of `/api/prom/push`: `{"streams":[{"labels":"{}","entries":[{"ts","line"}]}]}`.
  package func decodeLegacyJSON(_ body: [UInt8]) throws(LokiPushError) -> LokiPush {
    try Self.lending(body) { (bytes) throws(LokiPushError) in
      var reader = PushJSONReader(bytes)
      return try reader.readLegacyPush(cache: cache)
    }
  }

  private static func lending<Value>(
    _ body: [UInt8], _ use: (UnsafeRawBufferPointer) throws(LokiPushError) -> Value
  ) throws(LokiPushError) -> Value {
    try body.withUnsafeBufferPointer { (bytes) throws(LokiPushError) -> Value in
      try use(UnsafeRawBufferPointer(bytes))
    }
  }

  private static func refusal(_ error: CompressionError, _ body: UnsafeRawBufferPointer)
    -> LokiPushError
  {
    guard case .tooLarge(let bytesMax) = error else { return .corruptSnappy }
    return LokiPushError(
      "request body too large: decompressed message size too large than max "
        + "(\(Snappy.statedLength(body) ?? bytesMax + 1) vs \(bytesMax))", status: 413)
  }
}
