package import LogStore
package import TelemetryModel

/// A row that passed its pipeline.
package struct ProcessedRow {
  package let labels: RowLabels
  /// The line as the stages left it; valid until the pipeline's next call, and while the line
  /// that was given is.
  package let line: UnsafeRawBufferPointer
  /// The unwrapped number; 0 without `unwrap` and when the conversion failed, which the labels
  /// then say as `__error__="SampleExtractionErr"`.
  package let value: Double

  package init(labels: RowLabels, line: UnsafeRawBufferPointer, value: Double = 0) {
    self.labels = labels
    self.line = line
    self.value = value
  }
}

/// Which labels the reader of a pipeline looks at.
package enum LabelNeed: Sendable, Hashable {
  case all
  /// These alone (and errors, where they come up): what stages don't need themselves isn't
  /// extracted, parsers end once all have been found, and with none at all don't run, as Loki's
  /// parsers do. The rows' labels hold no others.
  case only(Set<String>)
}

/// The stages of a query, made ready for many rows; kept per thread.
///
/// ``LogPipeline`` is the real one.
package protocol RowProcessing {
  /// The row's labels, line and number; nil when a filter drops it, or when the label to unwrap
  /// is missing.
  mutating func process(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, stream: StreamReference,
    metadata: [Label]
  ) -> ProcessedRow?
}
