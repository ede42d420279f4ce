package import TelemetryModel

/// What makes a stream: whose it is and its labels.
package struct StreamKey: Hashable, Sendable {
  package var tenant: TenantID
  package var labels: Labels

  package init(tenant: TenantID, labels: Labels) {
    self.tenant = tenant
    self.labels = labels
  }
}
