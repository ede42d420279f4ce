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
  /// Bytes that every line has which passes.
  package let requiredLiterals: [[UInt8]]
  /// What the stages ask of the line as it was stored; a scan may decide it.
  let lineConditions: [LineCondition]
  /// Columns that can stand for the line, where the stages look at no more.
  let fieldPlan: FieldPlan?
  /// The label to unwrap, when nothing else looks at it and its text is the number.
  let plainUnwrap: LabelNames.ID?
  /// Whether the stages look at the line, other than for what a scan has decided.
  let readsLine: Bool
  /// Whether the stages look at the line; without that only a caller that shows lines or counts
  /// their bytes needs them.
  package let needsLine: Bool

  /// The labels that stages and reader look at, where ``fieldPlan`` names them; nil when templates
  /// may look at any.
  private let lookedAt: [String]?
  private let names: LabelNames
  private let row: RowBuilder
  /// Filters of the line as it was stored: asked before anything is made ready for the labels.
  private let lineFilters: [CompiledLineFilter]
  private let stages: [PipelineStage]
  let unwrap: UnwrapStage?
  private var sets: RowLabelSets
  private var bases: [ObjectIdentifier: StreamBase] = [:]
  private static let basesMax = 100_000

  /// Compiles `stages`; throws what Loki answers to a wrong template, pattern or address.
  ///
  /// With `unwrap` a row carries the number of that label, and rows without it are dropped; with
  /// ``LabelNeed/all`` the label itself is then left out of the rows' labels.
  ///
  /// With `hasLinesDecided` a scan has applied ``lineConditions`` to the rows already.
  package init(
    stages: [Stage], unwrap: Unwrap? = nil, need: LabelNeed = .all,
    environment: TemplateEnvironment = .system, hasLinesDecided: Bool = false
  ) throws(LogQLError) {
    let names = LabelNames()
    var compiler = StageCompiler(names: names, environment: environment)
    for stage in stages { try compiler.add(stage) }
    self.unwrap = try unwrap.map { (unwrap) throws(LogQLError) in try UnwrapStage(unwrap, names) }
    if let stage = self.unwrap { compiler.addRequirements(of: stage) }
    lineFilters = hasLinesDecided ? [] : compiler.lineFilters
    self.stages = compiler.stages
    needsLine = compiler.needsLine
    lineConditions = compiler.lineFilters.map(\.condition)
    requiredLiterals = compiler.lineFilters.compactMap(\.requiredLiteral)
    let hints = compiler.hints(need, unwrap: self.unwrap)
    fieldPlan = FieldPlan(compiler, hints)
    lookedAt =
      compiler.formatsLabels ? nil : fieldPlan?.metadata.map { names.texts[$0.id] }
    plainUnwrap = self.unwrap.flatMap { compiler.isAlone($0, need) ? $0.id : nil }
    readsLine = compiler.stagesReadLine || !lineFilters.isEmpty
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
    return finished()
  }

  /// Whether every row passes, with the labels that its stream and metadata give.
  var isEmpty: Bool { stages.isEmpty && lineFilters.isEmpty && unwrap == nil }

  /// The labels of a row that no stage looks at.
  mutating func labels(of stream: StreamReference, _ metadata: [Label]) -> RowLabels {
    if names.isFull { forgetNames() }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    row.begin(line: nothing, at: .zero, base: base(of: stream), metadata: metadata)
    return sets.labels(row)
  }

  /// The same for a row of which columns have all that ``fieldPlan`` asks for; its line is not
  /// looked at and comes out empty.
  mutating func process(_ fields: RowFields, stream: StreamReference) -> ProcessedRow? {
    if names.isFull { forgetNames() }
    let nothing = UnsafeRawBufferPointer(start: nil, count: 0)
    row.begin(line: nothing, at: .zero, base: base(of: stream), metadata: [])
    fields.addMetadata(to: row)
    for (index, stage) in stages.enumerated() {
      let passes = index == fields.plan.parser ? fields.use(stage, on: row) : stage.run(row)
      if !passes { return nil }
    }
    return finished()
  }

  /// Whether a stream has the label.
  func hasLabel(_ id: LabelNames.ID, _ stream: StreamReference) -> Bool {
    stream.labels[names.texts[id]] != nil
  }

  /// Whether nobody looks at a label of the stream: rows of such streams with the same fields come
  /// out alike.
  func isAlike(_ stream: StreamReference) -> Bool {
    lookedAt?.allSatisfy { stream.labels[$0] == nil } ?? false
  }

  private mutating func finished() -> ProcessedRow? {
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
