import Bytes
import TelemetryModel
import WireFormats

/// A push as the write-ahead log keeps it: who pushed when, how its rows were enriched, and the
/// body as it came.
///
///     version 1: 1 byte | policy: 1 byte | received: 8 bytes, nanoseconds since 1970
///     tenant: length varint, bytes | snappy-compressed protobuf PushRequest
///
/// A body whose rows were all taken is kept as it came, with the policy by which its rows are
/// enriched again. Else the body is made anew from the accepted rows, and the policy is 0.
enum PushRecord {
  static let kind: UInt8 = 1

  /// The parts of the record, one after another.
  static func encode(_ push: LogPush, _ accepted: PushIntake.Accepted, received: Timestamp)
    -> [[UInt8]]
  {
    var policy = StreamEnrichment.Policy()
    var body: [UInt8]?
    if accepted.isWhole, let sayable = accepted.policy, push.content.repeatedLabels.isEmpty {
      body = push.body
      policy = sayable
    }
    var header: [UInt8] = [1, body == nil ? 0 : policy.rawValue]
    header.appendLittleEndian(received.nanoseconds)
    header.appendVarint(UInt64(push.tenant.name.utf8.count))
    header.append(utf8: push.tenant.name)
    return [header, body ?? LokiPushEncoder.encode(accepted.streams)]
  }

  struct Decoded {
    var tenant: TenantID
    var received: Timestamp
    var streams: [StreamRows]
  }

  /// The rows as they were accepted. Throws ``LogStoreError/Code/corrupt``.
  static func decode(_ payload: [UInt8], _ decoder: LokiPushDecoder) throws(LogStoreError)
    -> Decoded
  {
    try payload.withUnsafeBufferPointer { (payload) throws(LogStoreError) -> Decoded in
      try decode(UnsafeRawBufferPointer(payload), decoder)
    }
  }

  private static func decode(_ payload: UnsafeRawBufferPointer, _ decoder: LokiPushDecoder)
    throws(LogStoreError) -> Decoded
  {
    var reader = BlockReader(payload)
    let version = try reader.byte()
    guard version == 1 else {
      throw LogStoreError(.corrupt, "push record of version \(version); this version reads 1")
    }
    let enrichment = StreamEnrichment(policy: .init(rawValue: try reader.byte()))
    var received: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 8) {
      received |= UInt64(try reader.byte()) << shift
    }
    let name = try reader.text()
    guard let tenant = TenantID(name) else {
      throw LogStoreError(.corrupt, "push record of \(quoted(name)), which is no tenant")
    }
    let body = UnsafeRawBufferPointer(rebasing: payload[reader.position...])
    var streams: [StreamRows]
    do throws(LokiPushError) {
      streams = try decoder.decodeSnappy(body).streams
    } catch {
      throw LogStoreError(.corrupt, "the body of a push record: \(error.message)")
    }
    streams.removeAll { $0.count == 0 }
    for index in streams.indices {
      streams[index].labels = enrichment.enriched(streams[index].labels)
      try enrichment.enrich(&streams[index])
    }
    return Decoded(
      tenant: tenant, received: Timestamp(nanoseconds: Int64(bitPattern: received)),
      streams: streams)
  }
}
