package import LogSources
package import TelemetryModel

/// A line as it leaves a pipeline; valid during the call that hands it over.
///
/// It owns nothing, so that handing it over counts no references: what it tells of belongs to the
/// pipeline, which changes none of it during the call.
package struct PipelineOutput {
  /// Tells sets of labels apart, over all pipelines of the process: sets of one number are equal,
  /// and nearly always the other way round.
  package let labelsNumber: UInt64
  package let timestamp: Timestamp
  /// The time when `timestamp` cannot hold it and stands at an end of its range.
  package let distantTime: DistantTime?
  /// Borrowed from the pipeline.
  package let line: UnsafeRawBufferPointer
  /// The line that this was made of, the last one of a block.
  package let origin: LineOrigin
  /// Neither structured metadata, nor a tenant, nor earlier lines: nearly always.
  package let isPlain: Bool
  private let labelSet: Unmanaged<LabelSet>
  private let rest: Unmanaged<OutputRest>

  init(
    labelSet: Unmanaged<LabelSet>, timestamp: Timestamp, distantTime: DistantTime?,
    line: UnsafeRawBufferPointer, origin: LineOrigin, isPlain: Bool, rest: Unmanaged<OutputRest>
  ) {
    self.labelSet = labelSet
    self.timestamp = timestamp
    self.distantTime = distantTime
    self.line = line
    self.origin = origin
    self.isPlain = isPlain
    self.rest = rest
    labelsNumber = labelSet._withUnsafeGuaranteedRef { $0.number }
  }

  /// The same storage for the same labels of one pipeline. `__tenant_id__` is not among them.
  package var labels: Labels { labelSet._withUnsafeGuaranteedRef { $0.labels } }
  package var structuredMetadata: [Label] {
    isPlain ? [] : rest._withUnsafeGuaranteedRef { $0.structuredMetadata }
  }
  /// What a `tenant` stage chose; nil leaves it to the client.
  package var tenant: String? { isPlain ? nil : rest._withUnsafeGuaranteedRef { $0.tenant } }
  /// The other lines of a block.
  package var earlierOrigins: [LineOrigin] {
    isPlain ? [] : rest._withUnsafeGuaranteedRef { $0.earlierOrigins }
  }
}

/// What few lines have.
final class OutputRest {
  var structuredMetadata: [Label] = []
  var tenant: String?
  var earlierOrigins: [LineOrigin] = []
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
