import LogQL
import TelemetryModel
import TextTemplate

/// Makes stages ready, in order, and notes what they look at.
struct StageCompiler {
  let names: LabelNames
  let environment: TemplateEnvironment
  /// Filters of the line as it was stored.
  private(set) var lineFilters: [CompiledLineFilter] = []
  private(set) var stages: [PipelineStage] = []
  private(set) var needsLine = false
  /// The same, but for filters of the line as it was stored.
  private(set) var stagesReadLine = false
  /// The one parser whose labels columns can stand for.
  private(set) var columnParser: ColumnParser?
  /// A stage reads of a row what columns don't have.
  private(set) var readsBeyondColumns = false
  /// A stage makes labels of templates.
  private(set) var formatsLabels = false
  /// A stage before the current group may have changed the line.
  private var hasChangedLine = false
  /// A stage of the current group does.
  private var changesLine = false
  /// Where the current group starts: line filters run before the other stages of their group, as
  /// Loki orders them. A label filter, `line_format` and `unpack` end one; `decolorize` does not.
  private var groupStart = 0
  private var required: [LabelNames.ID] = []
  private var selectedByValue: Set<LabelNames.ID> = []
  private var filters: [ParserHints.EarlyFilter] = []

  init(names: LabelNames, environment: TemplateEnvironment) {
    self.names = names
    self.environment = environment
  }

  mutating func add(_ stage: Stage) throws(LogQLError) {
    switch stage {
    case .lineFilter(let filter):
      let compiled: CompiledLineFilter
      do throws(LogQLError) {
        compiled = try CompiledLineFilter(filter)
      } catch { throw LogQLError("stage '\(filter.description)' : \(error.reason)") }
      needsLine = true
      if hasChangedLine {
        readsBeyondColumns = true
        stagesReadLine = true
        stages.insert(LineFilterStage(compiled), at: groupStart)
        groupStart += 1
      } else {
        lineFilters.append(compiled)
      }
    case .parser(let parser):
      needsLine = true
      stagesReadLine = true
      stages.append(try self.parser(parser))
      note(parser)
      if parser == .unpack {
        changesLine = true
        endGroup()
      }
    case .labelFilter(let filter):
      let compiled = try CompiledLabelFilter(filter, names)
      stages.append(LabelFilterStage(compiled))
      endGroup()
      note(compiled)
    case .lineFormat(let format):
      let made = try LineFormatStage(format, names, environment)
      require(made.labels)
      needsLine = needsLine || made.readsLine
      stagesReadLine = stagesReadLine || made.readsLine
      readsBeyondColumns = true
      stages.append(made)
      changesLine = true
      endGroup()
    case .labelFormat(let format):
      let made = try LabelFormatStage(format, names, environment)
      formatsLabels = true
      require(made.labels)
      needsLine = needsLine || made.readsLine
      stagesReadLine = stagesReadLine || made.readsLine
      readsBeyondColumns = readsBeyondColumns || made.readsLine || made.readsTimestamp
      stages.append(made)
    case .drop(let selections):
      note(selections)
      stages.append(try SelectionStage(selections, keeps: false, names))
    case .keep(let selections):
      note(selections)
      stages.append(try SelectionStage(selections, keeps: true, names))
    case .decolorize:
      needsLine = true
      stagesReadLine = true
      readsBeyondColumns = true
      changesLine = true
      stages.append(DecolorizeStage())
    }
  }

  private func parser(_ parser: ParserStage) throws(LogQLError) -> PipelineStage {
    do throws(LogQLError) {
      return try compiled(parser)
    } catch { throw LogQLError("stage '| \(parser.description)' : \(error.reason)") }
  }

  private func compiled(_ parser: ParserStage) throws(LogQLError) -> PipelineStage {
    switch parser {
    case .json(let fields) where fields.isEmpty: return JSONStage()
    case .json(let fields): return try JSONFieldsStage(fields, names)
    case .logfmt(let isStrict, let keepsEmpty, let fields) where fields.isEmpty:
      return LogfmtStage(isStrict: isStrict, keepsEmpty: keepsEmpty)
    case .logfmt(let isStrict, _, let fields):
      return try LogfmtFieldsStage(fields, isStrict: isStrict, names)
    case .regexp(let pattern): return try RegexpStage(pattern, names)
    case .pattern(let pattern): return PatternStage(pattern, names)
    case .unpack: return UnpackStage()
    }
  }

  private mutating func note(_ parser: ParserStage) {
    guard columnParser == nil, let made = ColumnParser(parser, at: stages.count - 1, names) else {
      readsBeyondColumns = true
      return
    }
    columnParser = made
  }

  private mutating func endGroup() {
    groupStart = stages.count
    hasChangedLine = hasChangedLine || changesLine
    changesLine = false
  }

  mutating func addRequirements(of unwrap: UnwrapStage) {
    for filter in unwrap.filters { note(filter) }
  }

  private mutating func note(_ selections: [LabelSelection]) {
    for case .matcher(let matcher) in selections {
      selectedByValue.insert(names.id(of: matcher.name))
    }
  }

  /// Whether the number to unwrap is the label's text and nothing else looks at that.
  func isAlone(_ unwrap: UnwrapStage, _ need: LabelNeed) -> Bool {
    guard unwrap.isPlainNumber, case .only(let wanted) = need else { return false }
    return !wanted.contains(names.texts[unwrap.id]) && !required.contains(unwrap.id)
      && !selectedByValue.contains(unwrap.id)
  }

  private mutating func note(_ filter: CompiledLabelFilter) {
    let labels = filter.labels
    require(labels)
    if !filter.isCompound, labels.count == 1 {
      filters.append(ParserHints.EarlyFilter(id: labels[0], filter: filter))
    }
  }

  private mutating func require(_ labels: [LabelNames.ID]) {
    for id in labels where !required.contains(id) { required.append(id) }
  }

  /// What parsers may leave out when the caller wants these labels.
  func hints(_ need: LabelNeed, unwrap: UnwrapStage?) -> ParserHints {
    guard case .only(let wanted) = need else { return ParserHints(filters: filters) }
    var all = required + wanted.sorted().map { names.id(of: $0) }
    if let unwrap { all.append(unwrap.id) }
    var distinct: [LabelNames.ID] = []
    let suffix = LabelNames.duplicateSuffix
    for id in all {
      if !distinct.contains(id) { distinct.append(id) }
      // A parser does not know yet that the stream has the label too.
      guard names.texts[id].hasSuffix(suffix) else { continue }
      let short = names.id(of: String(names.texts[id].dropLast(suffix.count)))
      if !distinct.contains(short) { distinct.append(short) }
    }
    if wanted.isEmpty, distinct.isEmpty { return ParserHints(wantsNoLabels: true) }
    return ParserHints(required: distinct, filters: wanted.isEmpty ? filters : [])
  }
}
