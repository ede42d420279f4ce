import TelemetryModel
import TraceFormats
import WireFormats

/// The traces of an export, page by page, so that memory holds one page at a time.
struct TraceExportSource {
  let ids: [String]
  private let connection: ServerConnection
  private let fields: [(String, String)]
  private let tracesMax: Int

  /// A page is made smaller when its answer is larger than this.
  private static let pageBytesWanted = 8 << 20
  private static let pageTracesMax = 500

  init(_ arguments: Arguments, _ range: QueryRange) throws {
    ids = arguments.all("id")
    connection = try ServerConnection(arguments)
    fields = ids.isEmpty ? try TraceOptions.fields(arguments, range) : []
    let limit = try arguments.count("limit")
    tracesMax = limit == 0 ? .max : limit
  }

  /// Hands all traces over in order; how many traces and spans there were.
  func export(
    _ take: ([[ResourceSpans]]) async throws -> Void
  ) async throws -> (traces: Int, spans: Int) {
    var counts = (traces: 0, spans: 0)
    func count(_ traces: [[ResourceSpans]]) {
      counts.traces += traces.count
      counts.spans += traces.reduce(0) { $0 + $1.spanCount }
    }
    guard ids.isEmpty else {
      for id in ids {
        let path = "/api/v3/traces/\(percentEncoded(id))"
        let trace: [ResourceSpans]
        do {
          trace = try Self.decode(try await connection.get(path, [("raw_traces", "true")]))
        } catch let failure as CommandFailure where failure.status == .notFound {
          throw CommandFailure(message: "there is no trace \(id)", status: .notFound)
        }
        count([trace])
        try await take([trace])
      }
      return counts
    }
    var cursor = ""
    var pageSize = 50
    while counts.traces < tracesMax {
      let asked = min(pageSize, tracesMax - counts.traces)
      guard let page = try await page(cursor: cursor, count: asked) else { return counts }
      count(page.traces)
      try await take(page.traces)
      guard let next = page.next else { return counts }
      cursor = next
      pageSize =
        page.bytes > Self.pageBytesWanted
        ? max(1, pageSize / 2) : min(Self.pageTracesMax, pageSize * 2)
    }
    return counts
  }

  private struct Page {
    var traces: [[ResourceSpans]]
    var next: String?
    var bytes: Int
  }

  /// Nil when nothing is found.
  private func page(cursor: String, count: Int) async throws -> Page? {
    let body: [UInt8]
    do {
      body = try await connection.get(
        "/api/v3/traces",
        fields + [
          ("query.search_depth", "\(count)"), ("query.cursor", cursor),
          ("query.raw_traces", "true"),
        ])
    } catch let failure as CommandFailure where failure.status == .notFound {
      return nil
    }
    return Page(
      traces: try Self.decode(body).groupedByTrace().map(\.batches), next: Self.cursor(in: body),
      bytes: body.count)
  }

  private static func decode(_ body: [UInt8]) throws -> [ResourceSpans] {
    do {
      return try OTLPTraceJSON.decode(body)
    } catch {
      throw CommandFailure(message: "the server's traces cannot be read: \(error.message)")
    }
  }

  /// The answer's `nextCursor`, which stands at its end.
  private static func cursor(in body: [UInt8]) -> String? {
    let end = String(decoding: body.suffix(200), as: UTF8.self)
    guard let range = end.range(ofText: "\"nextCursor\":\"") else { return nil }
    let rest = end[range.upperBound...]
    guard let quote = rest.firstIndex(of: "\"") else { return nil }
    return String(rest[..<quote])
  }
}

extension String {
  /// The last place where `text` stands.
  fileprivate func range(ofText text: String) -> Range<String.Index>? {
    ranges(of: text).last
  }
}
