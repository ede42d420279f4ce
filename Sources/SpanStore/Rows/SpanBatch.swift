package import TraceFormats

/// An OTLP request, checked whole and read into rows: what the store takes.
///
/// Spans without a trace's or an own id are not among the rows; they cannot be found again.
package struct SpanBatch: Sendable {
  /// An encoded `ExportTraceServiceRequest` (protobuf), as it came.
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
    self.request = request
    rejectedCount = reader.rejectedCount
    rows = reader.rows
    tables = reader.tables
  }
}
