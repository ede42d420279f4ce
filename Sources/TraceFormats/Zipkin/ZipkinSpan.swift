package import Bytes
package import TelemetryModel

/// A span in the terms of Zipkin's API v2 (github.com/openzipkin/zipkin-api, zipkin2-api.yaml).
package struct ZipkinSpan: Hashable, Sendable {
  package enum Kind: String, Sendable {
    case client = "CLIENT"
    case server = "SERVER"
    case producer = "PRODUCER"
    case consumer = "CONSUMER"
  }

  package struct Annotation: Hashable, Sendable {
    package var timestampMicroseconds: UInt64
    @ByteText package var value: String

    package init(timestampMicroseconds: UInt64, value: String) {
      self.timestampMicroseconds = timestampMicroseconds
      self.value = value
    }
  }

  package struct Tag: Hashable, Sendable {
    @ByteText package var key: String
    @ByteText package var value: String

    package init(_ key: String, _ value: String) {
      self.key = key
      self.value = value
    }
  }

  package var traceID = TraceID(high: 0, low: 0)
  package var id = SpanID(0)
  package var parentID: SpanID?
  package var kind: Kind?
  @ByteText package var name = ""
  /// Since 1970; nil when the sender did not know it.
  package var timestampMicroseconds: UInt64?
  package var durationMicroseconds: UInt64?
  package var localEndpoint: ZipkinEndpoint?
  package var remoteEndpoint: ZipkinEndpoint?
  package var annotations: [Annotation] = []
  /// In the order received or made; keys are unique.
  package var tags: [Tag] = []
  package var debug = false
  /// Whether the span has its id from the client that called it.
  package var shared = false

  package init() {}

  package func tag(_ key: String) -> String? { tags.first { $0.key.hasSameBytes(as: key) }?.value }
}

/// One side of a call: Zipkin's `Endpoint`.
package struct ZipkinEndpoint: Hashable, Sendable {
  @ByteText package var serviceName = ""
  package var address: IPAddressText?
  /// Zero for none.
  package var port: UInt16 = 0

  package init() {}

  package var isEmpty: Bool { serviceName.isEmpty && address == nil && port == 0 }
}
