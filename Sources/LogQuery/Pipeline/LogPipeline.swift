package import LogQL
package import LogStore
package import TelemetryModel
package import TextTemplate

/// The stages of a query, compiled and made ready for many rows of many streams.
///
/// The rules are Loki's to the letter: which labels a parser makes and under which names, what is
/// an error and what it says, what filters see. One for each thread; what it makes may be passed
/// between threads.
package struct LogPipeline: RowProcessing {
  /// Bytes that every line has which passes: a scan may leave lines out that lack one of them.
  package let requiredLiterals: [[UInt8]]
  /// Whether the stages look at the line; without that only a caller that shows lines or counts
  /// their bytes needs them.
  package let needsLine: Bool

  private let names: LabelNames
  private let row: RowBuilder
  /// Filters of the line as it was stored: asked before anything is made ready for the labels.
  private let lineFilters: [CompiledLineFilter]
  private let stages: [PipelineStage]
  private let unwrap: UnwrapStage?
  private var sets: RowLabelSets
  private var bases: [ObjectIdentifier: StreamBase] = [:]
  private static let basesMax = 100_000

  /// Compiles `stages`; throws what Loki answers to a wrong template, pattern or address.
  ///
  /// With `unwrap` a row carries the number of that label, and rows without it are dropped; with
  /// ``LabelNeed/all`` the label itself is then left out of the rows' labels.
  package init(
    stages: [Stage], unwrap: Unwrap? = nil, need: LabelNeed = .all,
    environment: TemplateEnvironment = .system
  ) throws(LogQLError) {
    let names = LabelNames()
    var compiler = StageCompiler(names: names, environment: environment)
    for stage in stages { try compiler.add(stage) }
    self.unwrap = try unwrap.map { (unwrap) throws(LogQLError) in try UnwrapStage(unwrap, names) }
    if let stage = self.unwrap { compiler.addRequirements(of: stage) }
    lineFilters = compiler.lineFilters
    self.stages = compiler.stages
    needsLine = compiler.needsLine
    requiredLiterals = compiler.lineFilters.compactMap(\.requiredLiteral)
    let hints = compiler.hints(need, unwrap: self.unwrap)
    switch need {
    case .all: sets = RowLabelSets(kept: nil, left: self.unwrap?.id)
    case .only(let labels):
      sets = RowLabelSets(kept: labels.sorted().map { names.id(of: $0) }, left: nil)
    }
    names.pin()
    self.names = names
    row = RowBuilder(names: names, hints: hints)
  }

  package mutating func process(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, stream: StreamReference,
    metadata: [Label]
  ) -> ProcessedRow? {
    for filter in lineFilters where !filter.passes(line) { return nil }
    if names.isFull { forgetNames() }
    row.begin(line: line, at: timestamp, base: base(of: stream), metadata: metadata)
    for stage in stages where !stage.run(row) { return nil }
    var value = 0.0
    if let unwrap {
      guard let number = unwrap.value(row) else { return nil }
      value = number
    }
    return ProcessedRow(labels: sets.labels(row), line: row.line, value: value)
  }

  private mutating func base(of stream: StreamReference) -> StreamBase {
    if let current = row.base, current.stream === stream { return current }
    if let known = bases[ObjectIdentifier(stream)] { return known }
    if bases.count >= LogPipeline.basesMax { bases.removeAll() }
    let made = StreamBase(stream, names)
    bases[ObjectIdentifier(stream)] = made
    return made
  }

  /// Lines with ever new keys would fill the memory with names otherwise.
  private mutating func forgetNames() {
    names.forget()
    row.forgetNames()
    bases.removeAll()
    for stage in stages { stage.forgetNames() }
  }
}
