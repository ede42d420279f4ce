import LogSources
import Pipeline
import TelemetryModel

/// Makes the lines that a received item stands for; for one thread.
protocol EntryMaker: AnyObject {
  /// Calls `emit` for each line.
  func makeEntries(of item: Received, now: Timestamp, emit: (MadeEntry) -> Void)

  var counts: ReceiverCounts { get }
}

/// One line on its way to the pipeline.
struct MadeEntry {
  /// Lent for the call.
  var line: UnsafeRawBufferPointer
  /// nil for the time of reading.
  var timestamp: Timestamp?
  var labels: Labels
  var structuredMetadata: [Label] = []
}

/// Running totals of one receiver.
struct ReceiverCounts: Hashable, Sendable {
  /// Lines made, and their bytes.
  var lines: UInt64 = 0
  var bytes: UInt64 = 0
  /// Messages that could not be understood.
  var malformed: UInt64 = 0
  /// Messages without text.
  var empty: UInt64 = 0
  /// Lines that relabelling dropped or left without labels.
  var unlabelled: UInt64 = 0
}

/// Relabels sets of labels that come again and again; for one thread.
final class LabelMemory {
  private let job: ReceiverJob
  /// The labels that relabelling reads; nil for all.
  let wanted: Set<String>?
  private var known: [[Label]: Labels?] = [:]

  private static let setsMax = 4096

  init(_ job: ReceiverJob) {
    self.job = job
    wanted = job.hasRelabeling ? job.relabeling.referencedLabels : []
  }

  /// Whether a meta label can matter.
  func wants(_ name: String) -> Bool { wanted?.contains(name) ?? true }

  /// The labels of a line whose own ones are `labels`, in any order; the configuration's are
  /// added, and take the place of those of the same name. nil when the line is to be dropped.
  func labels(for labels: [Label]) -> Labels? {
    if let found = known[labels] { return found }
    let all = Labels(labels + job.labels.sorted)
    let made = job.relabeling.apply(to: all)?.withoutInternalLabels
    let kept = made.flatMap { $0.isEmpty ? nil : $0 }
    if known.count >= Self.setsMax { known = [:] }
    known[labels] = .some(kept)
    return kept
  }
}
