import Bytes
package import HTTP
package import LinuxIO
import SpanStore
import Synchronization
package import TelemetryModel
import TraceFormats

/// Receives spans in the field's formats and stores them.
///
/// One collector serves all listeners: the functions named `…Routes` put its endpoints on a
/// router each. A sender gets its 2xx only after the spans are durable; when the store cannot take
/// them it is told to come again (503 with `Retry-After`, gRPC's `UNAVAILABLE`), and nothing was
/// stored then. Safe to use from any task.
package struct Collector: Sendable {
  /// Whose spans a request brings; throws what the sender is to be answered.
  package typealias TenantOf = @Sendable (Request) throws(HTTPError) -> TenantID

  let sink: any SpanSink
  let executor: BlockingExecutor
  let limits: CollectorLimits
  let tenantOf: TenantOf
  let admission: Admission

  /// - Parameters:
  ///   - executor: inflates and decodes larger bodies, so that no loop waits for them.
  ///   - tenantOf: by default all spans are the single tenant's.
  package init(
    sink: any SpanSink, executor: BlockingExecutor, limits: CollectorLimits = CollectorLimits(),
    tenantOf: @escaping TenantOf = { _ throws(HTTPError) in .single }
  ) {
    self.sink = sink
    self.executor = executor
    self.limits = limits
    self.tenantOf = tenantOf
    admission = Admission(bytesMax: limits.bytesUnderWayMax)
  }

  /// Bodies up to this size are decoded on the loop that received them.
  static let inlineBytesMax = 32 << 10

  /// Reads, decodes and stores a body; at most `limits.bytesUnderWayMax` bytes are under way.
  ///
  /// - Returns: how many spans could not be stored because they lack an id.
  func take(
    _ request: Request, decode: @escaping @Sendable ([UInt8]) throws(TraceFormatError) -> SpanBatch
  ) async throws(Refusal) -> Int {
    // A length that is not told counts as what most bodies have.
    let bytes = request.contentLength ?? 1 << 20
    guard admission.enter(bytes) else {
      throw .busy("too many bodies are being received; come again")
    }
    defer { admission.leave(bytes) }
    let tenant: TenantID
    let body: [UInt8]
    do throws(HTTPError) {
      tenant = try tenantOf(request)
      body = try await request.decodedBody(
        bytesMax: limits.bodyBytesMax, inflatedBytesMax: limits.inflatedBytesMax, on: executor)
    } catch {
      throw Refusal(error)
    }
    return try await store(body, tenant: tenant, decode: decode)
  }

  /// Decodes and stores a body that was received whole.
  func store(
    _ body: [UInt8], tenant: TenantID,
    decode: @escaping @Sendable ([UInt8]) throws(TraceFormatError) -> SpanBatch
  ) async throws(Refusal) -> Int {
    let batch: SpanBatch
    do throws(TraceFormatError) {
      batch =
        body.count > Self.inlineBytesMax
        ? try await executor.run { () throws(TraceFormatError) in try decode(body) }
        : try decode(body)
    } catch {
      throw Refusal(error)
    }
    guard batch.spanCount > 0 else { return batch.rejectedCount }
    do throws(SpanStoreError) {
      try await sink.append(tenant: tenant, batch)
    } catch {
      throw Refusal(error)
    }
    return batch.rejectedCount
  }

  /// What senders are told about rejected spans.
  static let rejection = "spans without a trace id or a span id cannot be stored"
}

/// Counts the bytes of bodies under way.
final class Admission: Sendable {
  private let bytesMax: Int
  private let bytes = Mutex(0)

  init(bytesMax: Int) { self.bytesMax = bytesMax }

  /// False when there is no room; one body is always let in.
  func enter(_ count: Int) -> Bool {
    bytes.withLock { bytes in
      guard bytes == 0 || bytes + count <= bytesMax else { return false }
      bytes += count
      return true
    }
  }

  func leave(_ count: Int) { bytes.withLock { $0 -= count } }
}
