package import TraceFormats

/// An OTLP request, checked whole and read into rows: what the store takes.
///
/// Spans without a trace's or an own id are left out: they cannot be found again.
package struct SpanBatch: Sendable {
  /// An encoded `ExportTraceServiceRequest` (protobuf), as it came; written anew without the
  /// spans that are left out when there are any, so that nobody downstream sees them.
  package let request: [UInt8]
  /// Spans left out because they have no trace's or no own id.
  package let rejectedCount: Int
  /// Their messages are ranges of ``request``.
  let rows: [SpanRow]
  let tables: SpanTables

  /// Spans that will be stored.
  package var spanCount: Int { rows.count }

  /// Throws ``TraceFormatError`` when anything in it is not as OTLP has it.
  package init(
    _ request: [UInt8], limits: TraceDecodingLimits = TraceDecodingLimits()
  ) throws(TraceFormatError) {
    guard request.count <= Int(Int32.max) else {
      throw TraceFormatError(.overLimit, "a request of more than 2 GiB; send smaller batches")
    }
    let read: Result<SpanRequestReader, TraceFormatError> = request.withUnsafeBytes { bytes in
      var reader = SpanRequestReader(bytes, limits)
      do throws(TraceFormatError) {
        try reader.read()
        return .success(reader)
      } catch {
        return .failure(error)
      }
    }
    let reader = try read.get()
    guard reader.rejectedCount == 0 else {
      let kept = try SpanBatch(reader.keptRequest(of: request), limits: .none)
      self.init(kept, rejectedCount: reader.rejectedCount)
      return
    }
    self.init(reader, request)
  }

  private init(_ reader: SpanRequestReader, _ request: [UInt8]) {
    self.request = request
    rejectedCount = reader.rejectedCount
    rows = reader.rows
    tables = reader.tables
  }

  private init(_ kept: SpanBatch, rejectedCount: Int) {
    self.rejectedCount = rejectedCount
    request = kept.request
    rows = kept.rows
    tables = kept.tables
  }
}

extension SpanRequestReader {
  /// The request of the rows that were read of `request`.
  fileprivate func keptRequest(of request: [UInt8]) -> [UInt8] {
    var writer = SpanRequestWriter()
    for row in rows {
      writer.append(
        Array(request[row.message]), tables.resources.array(row.resource),
        tables.scopes.array(row.scope))
    }
    return writer.encode()
  }
}
