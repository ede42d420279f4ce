package import LinuxIO
import SpanStore
import Synchronization
package import TelemetryModel
import TraceFormats
package import WireFormats

/// Receives Jaeger's agent protocol over UDP: 6831 compact, 6832 binary.
///
/// Nobody is answered: what cannot be read is counted and named in the log, and what comes while
/// `bytesWaitingMax` bytes wait to be stored is dropped and counted. The spans of datagrams that
/// came while the last ones were written are stored together.
package final class JaegerDatagrams: Sendable {
  /// Of spans that wait to be stored.
  private static let bytesWaitingMax = 32 << 20
  /// Stored at once at most.
  private static let bytesTogetherMax = 4 << 20

  private struct State {
    var waiting: [TranscodedSpans] = []
    var bytes = 0
  }

  private let state = Mutex(State())
  private let sink: any SpanSink
  private let decoding: TraceDecodingLimits
  private let encoding: ThriftReader.Encoding
  private let wake: AsyncStream<Void>.Continuation
  private let receiver = Mutex<DatagramReceiver?>(nil)
  private let storing = Mutex<Task<Void, Never>?>(nil)
  private let metrics: DatagramMetrics
  private let log = Log("jaeger-udp")

  /// Receives at once.
  package init(
    _ address: SocketAddress, _ encoding: ThriftReader.Encoding, on loop: EventLoop,
    sink: any SpanSink, limits: CollectorLimits = CollectorLimits(),
    registry: MetricsRegistry = .process
  ) throws(SystemError) {
    self.sink = sink
    self.encoding = encoding
    decoding = limits.decoding
    metrics = DatagramMetrics(encoding == .compact ? "compact" : "binary", registry)
    let (arrivals, wake) = AsyncStream.makeStream(
      of: Void.self, bufferingPolicy: .bufferingNewest(1))
    self.wake = wake
    let receiver = try DatagramReceiver(address, on: loop) { [weak self] bytes, peer in
      self?.take(bytes, from: peer)
    }
    self.receiver.withLock { $0 = receiver }
    storing.withLock {
      $0 = Task { [weak self] in for await _ in arrivals { await self?.store() } }
    }
  }

  /// Where it listens, with the port that the kernel chose when 0 was asked for.
  package var address: SocketAddress? { receiver.withLock { $0?.address } }

  /// Stops receiving and stores what was received.
  package func close() async {
    let open = receiver.withLock { receiver in
      defer { receiver = nil }
      return receiver
    }
    open?.close()
    wake.yield()
    wake.finish()
    await storing.withLock { $0 }?.value
  }

  private func take(_ bytes: UnsafeRawBufferPointer, from peer: SocketAddress) {
    metrics.received.add()
    let spans: TranscodedSpans
    do throws(TraceFormatError) {
      spans = try JaegerThrift.transcode(datagram: bytes, encoding, limits: decoding)
    } catch {
      metrics.malformed.add()
      log.warn(
        "a datagram is no batch of spans and was dropped",
        ["from": peer.description, "reason": error.message, "bytes": bytes.count])
      return
    }
    guard spans.spanCount > 0 else { return }
    let isTaken = state.withLock { state in
      guard state.bytes + spans.request.count <= Self.bytesWaitingMax else { return false }
      state.bytes += spans.request.count
      state.waiting.append(spans)
      return true
    }
    guard isTaken else {
      metrics.dropped.add(spans.spanCount)
      log.warn("spans are dropped: too many wait to be stored", ["spans": spans.spanCount])
      return
    }
    wake.yield()
  }

  private func store() async {
    while let next = takeWaiting() {
      if next.spanCount == 0 { continue }
      do throws(SpanStoreError) {
        try await sink.append(tenant: .single, next)
        metrics.stored.add(next.spanCount)
      } catch {
        metrics.dropped.add(next.spanCount)
        log.error(
          "spans are dropped: the store does not take them",
          ["spans": next.spanCount, "reason": error.message])
      }
    }
  }

  /// Requests put one after another are one request; nil when nothing waits.
  private func takeWaiting() -> SpanBatch? {
    while true {
      let taken = takeTogether()
      guard !taken.isEmpty else { return nil }
      do throws(TraceFormatError) {
        let batch = try SpanBatch(taken.flatMap(\.request), limits: .none)
        if batch.rejectedCount > 0 {
          metrics.dropped.add(batch.rejectedCount)
          log.warn(
            "spans are dropped: they have no trace id or no span id",
            ["spans": batch.rejectedCount])
        }
        return batch
      } catch {
        let count = taken.reduce(0) { $0 + $1.spanCount }
        metrics.dropped.add(count)
        log.error(
          "spans are dropped: they cannot be read", ["spans": count, "reason": error.message])
      }
    }
  }

  private func takeTogether() -> [TranscodedSpans] {
    state.withLock { state in
      var count = 0
      var bytes = 0
      for spans in state.waiting where count == 0 || bytes < Self.bytesTogetherMax {
        count += 1
        bytes += spans.request.count
      }
      defer {
        state.waiting.removeFirst(count)
        state.bytes -= bytes
      }
      return Array(state.waiting[..<count])
    }
  }
}

/// What came over UDP, for operators.
private struct DatagramMetrics {
  let received: Counter
  let malformed: Counter
  let stored: Counter
  let dropped: Counter

  init(_ encoding: String, _ registry: MetricsRegistry) {
    func counter(_ name: String, _ help: String) -> Counter {
      registry.counter(
        "sluice_jaeger_udp_\(name)_total", help: help, labels: ["encoding": encoding])
    }
    received = counter("datagrams", "Datagrams of Jaeger's clients that were received.")
    malformed = counter("malformed_datagrams", "Datagrams that were no batch of spans.")
    stored = counter("spans", "Spans that were stored.")
    dropped = counter("dropped_spans", "Spans that were received and could not be stored.")
  }
}
