import TelemetryModel
import TraceFormats

/// One tenant's spans of the heads by trace, for finding calls.
struct HeadSpans {
  /// Ascending.
  private(set) var traces: [TraceID] = []
  private var ends: [Int] = []
  private var spans: [CallSpan] = []

  /// No spans.
  init() {}

  init(_ heads: [SpanHead], _ join: CallJoin, _ names: CallNames) {
    var found: [(trace: TraceID, span: CallSpan)] = []
    for head in heads {
      guard let part = head.part(join.tenant) else { continue }
      let table = CallPartyTable(names) { part.tables.resources.array(UInt32($0)) }
      for chunk in part.chunks {
        chunk.messages.withUnsafeBytes { messages in
          for row in chunk.rows {
            let message = WireCursor(WireCursor(messages).base, row.message)
            let peers = join.rule == .zipkin ? SpanMessage.callees(message).peers : nil
            found.append((row.trace, CallSpan(row, table, peers)))
          }
        }
      }
    }
    let order = found.indices.sorted { a, b in
      if found[a].trace != found[b].trace { return found[a].trace < found[b].trace }
      let (first, second) = (found[a].span.start, found[b].span.start)
      return first == second ? a < b : first < second
    }
    spans.reserveCapacity(order.count)
    for index in order {
      if traces.last != found[index].trace {
        traces.append(found[index].trace)
        ends.append(spans.count)
      }
      spans.append(found[index].span)
      ends[ends.count - 1] = spans.count
    }
  }

  func spans(of trace: TraceID) -> ArraySlice<CallSpan> {
    var low = 0
    var high = traces.count
    while low < high {
      let middle = (low + high) / 2
      if traces[middle] < trace { low = middle + 1 } else { high = middle }
    }
    guard low < traces.count, traces[low] == trace else { return [] }
    return spans[range(low)]
  }

  /// The calls of all traces, as if they were whole.
  func calls(_ rule: DependencyRule, _ names: CallNames) -> TraceCalls {
    var builder = TraceCallsBuilder(rule, names)
    for (number, trace) in traces.enumerated() { builder.add(trace, spans[range(number)]) }
    return builder.finish()
  }

  private func range(_ number: Int) -> Range<Int> {
    (number == 0 ? 0 : ends[number - 1])..<ends[number]
  }
}

extension CallSpan {
  fileprivate init(_ row: SpanRow, _ table: CallPartyTable, _ peers: CallPeers?) {
    self.init(
      id: row.span, parent: row.parent, start: row.start, end: row.end, kind: row.kind,
      status: row.status, parties: table.parties(resource: Int(row.resource), peers: peers))
  }
}
