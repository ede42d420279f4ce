import SpanStore
import TelemetryModel
import TraceFormats
import WireFormats

/// Bounds under which a small input cannot take long.
private let spanLimits: TraceDecodingLimits = {
  var limits = TraceDecodingLimits()
  limits.spansMax = 1_000
  limits.valuesMax = 10_000
  return limits
}()

/// OTLP's protobuf: what is read is written and read as the same, and the store's reader, which
/// makes rows without decoding, takes just what the decoder takes.
func fuzzOTLPSpansProtobuf(_ input: UnsafeRawBufferPointer) {
  let body = Array(input)
  let rows = try? SpanBatch(body, limits: spanLimits)
  guard let batches = try? OTLPTraceProtobuf.decode(body, limits: spanLimits) else {
    precondition(rows == nil, "the store takes what cannot be decoded")
    return
  }
  guard let rows else { preconditionFailure("the store refuses what can be decoded") }
  precondition(rows.spanCount + rows.rejectedCount == batches.spanCount, "spans are lost")
  let written = OTLPTraceProtobuf.encode(batches)
  guard let again = try? OTLPTraceProtobuf.decode(written, limits: .none) else {
    preconditionFailure("what was written cannot be read")
  }
  precondition(OTLPTraceProtobuf.encode(again) == written, "spans change in writing")
}

/// OTLP's JSON: what is read is written and read as the same.
func fuzzOTLPSpansJSON(_ input: UnsafeRawBufferPointer) {
  guard let batches = try? OTLPTraceJSON.decode(Array(input), limits: spanLimits) else { return }
  let document = OTLPTraceJSON.encode(batches)
  guard let again = try? OTLPTraceJSON.decode(document, limits: .none) else {
    preconditionFailure("what was written cannot be read")
  }
  precondition(
    OTLPTraceProtobuf.encode(again) == OTLPTraceProtobuf.encode(batches), "spans change in JSON")
}

/// The spans of a request that was made of another format: the request must be right.
private func decoded(_ spans: TranscodedSpans) -> [ResourceSpans] {
  guard let batches = try? OTLPTraceProtobuf.decode(spans.request, limits: .none),
    let rows = try? SpanBatch(spans.request, limits: .none)
  else { preconditionFailure("a request that is no OTLP was made") }
  precondition(batches.spanCount == spans.spanCount, "the number of spans is wrong")
  precondition(rows.spanCount == spans.spanCount, "spans without ids are let in")
  return batches
}

/// Jaeger's batches over HTTP: exported, taken in and exported again they are the same, but that a
/// description of a status, an attribute where only an HTTP status tells of a failure, may have
/// moved behind the tags that tell of it.
func fuzzJaegerThrift(_ input: UnsafeRawBufferPointer) {
  guard let spans = try? JaegerThrift.transcode(Array(input), limits: spanLimits) else { return }
  let bodies = JaegerThriftEncoder.encode(decoded(spans))
  for body in bodies {
    guard let again = try? JaegerThrift.transcode(body, limits: .none) else {
      preconditionFailure("what was exported cannot be taken in")
    }
    let second = JaegerThriftEncoder.encode(decoded(again))
    if second == [body] { continue }
    precondition(second.map(\.count) == [body.count], "spans change between two exports")
    guard let last = second.first, let third = try? JaegerThrift.transcode(last, limits: .none)
    else { preconditionFailure("what was exported twice cannot be taken in") }
    precondition(
      JaegerThriftEncoder.encode(decoded(third)) == second, "spans change with every export")
  }
}

/// Jaeger's datagrams in both protocols.
func fuzzJaegerDatagram(_ input: UnsafeRawBufferPointer) {
  for encoding in [ThriftReader.Encoding.compact, .binary] {
    if let spans = try? JaegerThrift.transcode(datagram: input, encoding, limits: spanLimits) {
      _ = decoded(spans)
    }
  }
}

/// Spans exported in Zipkin's JSON can be taken in again, all of them.
private func checkZipkin(_ spans: TranscodedSpans) {
  let batches = decoded(spans)
  guard
    let again = try? ZipkinJSON.transcode(
      ZipkinJSON.encode(ZipkinSpan.spans(of: batches)), limits: .none)
  else { preconditionFailure("what was exported cannot be taken in") }
  precondition(again.spanCount == spans.spanCount, "spans are lost between two exports")
  _ = decoded(again)
}

/// Zipkin's JSON, of both versions.
func fuzzZipkinJSON(_ input: UnsafeRawBufferPointer) {
  let body = Array(input)
  if let spans = try? ZipkinJSON.transcode(body, limits: spanLimits) { checkZipkin(spans) }
  if let spans = try? ZipkinV1.transcode(json: body, limits: spanLimits) { checkZipkin(spans) }
}

/// Zipkin's protobuf.
func fuzzZipkinProtobuf(_ input: UnsafeRawBufferPointer) {
  if let spans = try? ZipkinProtobuf.transcode(Array(input), limits: spanLimits) {
    checkZipkin(spans)
  }
}

/// Zipkin's v1 in Thrift.
func fuzzZipkinThrift(_ input: UnsafeRawBufferPointer) {
  if let spans = try? ZipkinV1.transcode(thrift: Array(input), limits: spanLimits) {
    checkZipkin(spans)
  }
}

/// Documents as Jaeger's UI has them: what is read is written and read as the same.
func fuzzJaegerDocument(_ input: UnsafeRawBufferPointer) {
  guard let batches = try? JaegerJSON.decode(Array(input)) else { return }
  let document = JaegerJSON.encode(batches.groupedByTrace().map(\.batches))
  guard let again = try? JaegerJSON.decode(document) else {
    preconditionFailure("what was exported cannot be taken in")
  }
  precondition(again.spanCount == batches.spanCount, "spans are lost between two exports")
}
