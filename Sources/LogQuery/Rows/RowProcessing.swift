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
/// `LogPipeline` is the real one; ``PlainRows`` stands for a query without stages.
package protocol RowProcessing {
  /// The row's labels, line and number; nil when a filter drops it, or when the label to unwrap
  /// is missing.
  mutating func process(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, stream: StreamReference,
    metadata: [Label]
  ) -> ProcessedRow?
}

/// Rows as they are stored.
package struct PlainRows: RowProcessing {
  private var next = 0
  private var bare: [UInt64: RowLabels] = [:]
  private var withMetadata: [Key: RowLabels] = [:]

  private struct Key: Hashable {
    let stream: UInt64
    let metadata: [Label]
  }

  package init() {}

  package mutating func process(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, stream: StreamReference,
    metadata: [Label]
  ) -> ProcessedRow? {
    ProcessedRow(labels: labels(of: stream, metadata), line: line)
  }

  private mutating func labels(of stream: StreamReference, _ metadata: [Label]) -> RowLabels {
    if metadata.isEmpty {
      if let known = bare[stream.id] { return known }
      let made = make(stream, [])
      bare[stream.id] = made
      return made
    }
    let key = Key(stream: stream.id, metadata: metadata)
    if let known = withMetadata[key] { return known }
    let made = make(stream, metadata)
    withMetadata[key] = made
    return made
  }

  private mutating func make(_ stream: StreamReference, _ metadata: [Label]) -> RowLabels {
    let kept = metadata.filter { stream.labels[$0.name] == nil && !$0.value.isEmpty }
    defer { next += 1 }
    return RowLabels(
      id: next, stream: stream.labels.sorted, structuredMetadata: Labels(kept).sorted)
  }
}
