package import TelemetryModel

/// What one stage did to one line, for people who write pipelines.
package struct StageInspection: Sendable {
  /// The job and the stage's place in the configuration: `match.stages[1].json`.
  package let job: String
  package let stage: String
  package let before: EntrySnapshot
  /// nil when no line went on.
  package let after: EntrySnapshot?
  package let outcome: Outcome

  package enum Outcome: Sendable, Hashable {
    case passed
    /// A `match` stage whose selector did not take the line.
    case skipped
    /// Kept for a block that is not complete.
    case held
    case dropped(reason: String)
    /// Other lines go on in its place: a complete block, or the elements of an array.
    case replaced(count: Int)
  }
}

/// Gets what each stage did; called on the threads of the sources.
package typealias PipelineInspector = @Sendable (StageInspection) -> Void

/// An entry as it is between two stages.
package struct EntrySnapshot: Sendable, Hashable {
  package let line: String
  package let timestamp: Timestamp
  package let labels: [Label]
  /// Sorted by name; a null is shown as `<null>`.
  package let extracted: [Label]
  package let structuredMetadata: [Label]

  init(_ entry: StageEntry, _ slots: SlotTable) {
    var copy = entry
    line = copy.string(copy.line)
    timestamp = copy.timestamp
    labels = copy.labels(slots).sorted
    extracted = copy.allExtracted(slots).map { name, value in
      Label(name, copy.text(value).map { copy.string($0) } ?? "<null>")
    }
    structuredMetadata = copy.structuredMetadata
  }
}
