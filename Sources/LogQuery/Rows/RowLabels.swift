package import TelemetryModel

/// The labels of a row after its pipeline, each in the category that Loki's `categorize-labels`
/// answer tells apart; one object for each distinct set within a pipeline.
package final class RowLabels: Sendable {
  /// Dense from 0 within the pipeline that made it; equal sets have equal numbers, until there
  /// are more sets than a pipeline remembers (65,536).
  package let id: Int
  /// Index labels of the stream that are still there, sorted by name.
  package let stream: [Label]
  /// Structured metadata that is still there, sorted by name.
  package let structuredMetadata: [Label]
  /// What stages made, `__error__` and `__error_details__` too, sorted by name.
  package let parsed: [Label]
  /// All of them as one set; a name occurs in one category only. Values may be empty.
  package let all: Labels
  /// The value of `__error__`, nil when there is none.
  package let error: String?

  package init(id: Int, stream: [Label], structuredMetadata: [Label] = [], parsed: [Label] = []) {
    self.id = id
    self.stream = stream
    self.structuredMetadata = structuredMetadata
    self.parsed = parsed
    all =
      structuredMetadata.isEmpty && parsed.isEmpty
      ? Labels(stream) : Labels(stream + structuredMetadata + parsed)
    error = parsed.first { $0.name == "__error__" }?.value
  }

  /// Of labels that are sorted by name already, each with its category.
  init(id: Int, sorted labels: [Label], _ categories: [LabelCategory]) {
    self.id = id
    all = Labels(labels)
    if categories.allSatisfy({ $0 == .stream }) {
      stream = labels
      structuredMetadata = []
      parsed = []
      error = nil
    } else {
      func only(_ category: LabelCategory) -> [Label] {
        labels.indices.compactMap { categories[$0] == category ? labels[$0] : nil }
      }
      stream = only(.stream)
      structuredMetadata = only(.structuredMetadata)
      parsed = only(.parsed)
      error = parsed.first { $0.name == "__error__" }?.value
    }
  }
}
