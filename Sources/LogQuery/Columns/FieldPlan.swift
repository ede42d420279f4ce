import LogQL
import LogStore

/// Which columns stand for the labels that a pipeline's stages and its reader look at.
struct FieldPlan {
  struct Field {
    let id: LabelNames.ID
    /// Index into ``requests``.
    let column: Int
  }

  /// For the scan.
  private(set) var requests: [FieldRequest] = []
  /// The parser's place among the stages, where there is one.
  let parser: Int?
  /// Labels that the parser makes, in its order.
  private(set) var parsed: [Field] = []
  /// Labels that structured metadata may bring.
  private(set) var metadata: [Field] = []

  /// nil when the stages look at more than columns can have.
  init?(_ compiler: StageCompiler, _ hints: ParserHints) {
    guard !compiler.readsBeyondColumns, hints.wantsNoLabels || !hints.required.isEmpty else {
      return nil
    }
    let names = compiler.names
    // Which of two keys makes such a label depends on their order in the line.
    let wanted = hints.required.filter { $0 > LabelNames.errorDetails }
    guard !wanted.contains(where: { names.texts[$0].hasSuffix(LabelNames.duplicateSuffix) })
    else { return nil }
    parser = compiler.columnParser?.index
    for (id, request) in compiler.columnParser?.requests(wanted, names) ?? [] {
      parsed.append(Field(id: id, column: requests.count))
      requests.append(request)
    }
    if parsed.isEmpty, !hints.wantsNoLabels, let sentinel = compiler.columnParser?.sentinel {
      requests.append(sentinel)
    }
    for id in wanted + [LabelNames.error] where !hints.wantsNoLabels {
      metadata.append(Field(id: id, column: requests.count))
      requests.append(.metadata(name: names.texts[id]))
    }
  }
}
