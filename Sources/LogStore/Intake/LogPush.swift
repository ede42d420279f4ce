package import TelemetryModel
package import WireFormats

/// One push request as a receiver hands it to the store.
package struct LogPush: Sendable {
  package var tenant: TenantID
  /// The snappy-compressed protobuf body as it came, which the store writes to its log without
  /// encoding the rows again; nil when the rows came another way.
  package var body: [UInt8]?
  package var content: LokiPush

  package init(tenant: TenantID, body: [UInt8]?, content: LokiPush) {
    self.tenant = tenant
    self.body = body
    self.content = content
  }

  /// Of rows that came another way than as a Loki push, such as OTLP logs.
  package init(tenant: TenantID, streams: [StreamRows]) {
    self.init(tenant: tenant, body: nil, content: LokiPush(streams: streams))
  }
}
