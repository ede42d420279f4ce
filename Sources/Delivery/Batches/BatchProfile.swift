import Bytes
package import TelemetryModel

/// Labels that some clients want on every stream; clients with the same ones share bodies.
package struct BatchProfile: Hashable, Sendable {
  /// Sorted by name; a stream's own label of the same name stays.
  package let externalLabels: [Label]
  /// Tells profiles apart, over restarts too.
  package let number: UInt64

  package init(externalLabels: [Label]) {
    self.externalLabels = externalLabels.sorted()
    var bytes: [UInt8] = []
    for label in self.externalLabels {
      bytes.append(utf8: label.name)
      bytes.append(0)
      bytes.append(utf8: label.value)
      bytes.append(0)
    }
    number = bytes.isEmpty ? 0 : XXH3.hash(bytes)
  }

  func apply(to labels: Labels) -> Labels {
    externalLabels.isEmpty ? labels : Labels(externalLabels + labels.sorted)
  }
}
