import HTTP
import LinuxIO
import SpanStore
import TelemetryModel
import Testing
import TraceFormats
import WireFormats

@testable import Collector

struct JaegerReceiverTests {
  private static let thrift = "application/x-thrift"

  /// A batch of the service `s` with one span: trace id 1, id 2.
  private static let body: [UInt8] =
    [12, 0, 1, 11, 0, 1, 0, 0, 0, 1, 0x73, 0, 15, 0, 2, 12, 0, 0, 0, 1]
    + [10, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 10, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0]
    + [10, 0, 3, 0, 0, 0, 0, 0, 0, 0, 2, 10, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0]
    + [11, 0, 5, 0, 0, 0, 1, 0x6f, 8, 0, 7, 0, 0, 0, 1, 10, 0, 8, 0, 0, 0, 0, 0, 0, 0, 9]
    + [10, 0, 9, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0]

  /// The rows that were recorded of the OpenTelemetry Collector.
  @Test(arguments: [
    (thrift, body, 202), ("application/vnd.apache.thrift.binary", body, 202), (thrift, [0], 400),
    (thrift, Array("zzzz".utf8), 400), (thrift, [], 400), ("application/json", [], 400),
    (thrift, Array(body.dropLast()), 400), (thrift, body + [1], 202),
  ])
  func statuses(type: String, body: [UInt8], status: Int) async throws {
    let server = try CollectorServer()
    let answer = try await server.send("/api/traces?format=jaeger.thrift", type: type, body)
    #expect(answer.status == status)
    #expect(answer.body.isEmpty == (status == 202))
    #expect(try server.sink.batches().spanCount == (status == 202 ? 1 : 0))
    let other = try await server.send("/api/traces", method: .get)
    #expect(other.status == 405)
    await server.stop()
  }

  @Test func datagramsOfBothProtocolsArrive() async throws {
    let sink = SinkDouble()
    let loop = try EventLoop.shared.get()[0]
    let registry = MetricsRegistry()
    let receiver = try JaegerDatagrams(
      .ipv4(address: 0x7f00_0001, port: 0), .binary, on: loop, sink: sink, registry: registry)
    let port = try #require(receiver.address?.port)
    let strict: [UInt8] = [0x80, 1, 0, 4, 0, 0, 0, 9] + Array("emitBatch".utf8) + [0, 0, 0, 0]
    let loose: [UInt8] = [0, 0, 0, 9] + Array("emitBatch".utf8) + [1, 0, 0, 0, 0]
    let call: [UInt8] = [12, 0, 1] + Self.body + [0]
    try await DatagramSender.send([strict + call, [1, 2, 3], loose + call], port: port)
    while try sink.batches().spanCount < 2 { try await Task.sleep(for: .milliseconds(5)) }
    await receiver.close()
    let text = String(decoding: registry.exposition(), as: UTF8.self)
    #expect(text.contains(#"sluice_jaeger_udp_malformed_datagrams_total{encoding="binary"} 1"#))
    #expect(text.contains(#"sluice_jaeger_udp_spans_total{encoding="binary"} 2"#))
  }
}
