package import LogSources
package import TelemetryModel

/// A line as it leaves a pipeline; valid during the call that hands it over.
package struct PipelineOutput {
  /// The same storage for the same labels of one pipeline. `__tenant_id__` is not among them.
  package let labels: Labels
  package let timestamp: Timestamp
  /// The time when `timestamp` cannot hold it and stands at an end of its range.
  package let distantTime: DistantTime?
  /// Borrowed from the pipeline.
  package let line: UnsafeRawBufferPointer
  package let structuredMetadata: [Label]
  /// What a `tenant` stage chose; nil leaves it to the client.
  package let tenant: String?
  /// The line that this was made of, the last one of a block.
  package let origin: LineOrigin
  /// The other lines of a block.
  package let earlierOrigins: [LineOrigin]
}

/// Lines that a pipeline dropped for one reason.
package struct DropCount: Hashable, Sendable {
  package let reason: String
  package var lines: UInt64
  package var bytes: UInt64

  package init(reason: String, lines: UInt64, bytes: UInt64) {
    self.reason = reason
    self.lines = lines
    self.bytes = bytes
  }
}

/// Lines that `limit` stages dropped for one value of the label that they count by.
package struct LabelDropCount: Hashable, Sendable {
  package let label: Label
  package let lines: UInt64
}
