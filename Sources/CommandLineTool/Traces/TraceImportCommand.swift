import Bytes
import TelemetryModel
import TraceFormats

/// `sluice traces import`: documents of the three formats into a server.
let traceImportCommand = Command(
  name: "import", summary: "Send files of Jaeger, Zipkin or OTLP JSON to a server.",
  notes: """
    What a file holds is told by its content: `{"data": …}` is Jaeger's, a list is Zipkin's,
    `{"resourceSpans": …}` is OTLP's. A file may hold a document a line, as export --out - writes.
    Example: sluice traces import --otlp http://127.0.0.1:4318 errors/*.json
    """,
  positional: "FILE...",
  options: [
    .value("otlp", "URL", "the server's OTLP address", preset: "http://127.0.0.1:4318")
  ] + QueryOptions.server.filter { $0.name != "addr" },
  run: { arguments, surroundings in
    guard !arguments.positional.isEmpty else { throw UsageError(message: "which files?") }
    let connection = try ServerConnection(arguments, address: "otlp")
    for file in arguments.positional {
      var spans = 0
      for document in try documents(of: try readFile(file), file) {
        for body in document.bodies {
          try await connection.post("/v1/traces", type: "application/x-protobuf", body: body)
        }
        spans += document.spanCount
      }
      surroundings.output.write(
        "\(terminalSafe(file)): \(spans) span\(spans == 1 ? "" : "s")\n")
    }
    return .success
  })

/// Bodies of OTLP made from a document.
private struct ImportedDocument {
  var bodies: [[UInt8]]
  var spanCount: Int

  /// Spans of one body.
  static let spansMax = 5_000

  init(_ batches: [ResourceSpans]) {
    bodies = batches.split(spansMax: Self.spansMax).map { OTLPTraceProtobuf.encode($0) }
    spanCount = batches.spanCount
  }

  init(_ text: [UInt8]) throws(TraceFormatError) {
    switch text.first {
    case UInt8(ascii: "["):
      let request = try ZipkinJSON.transcode(text).request
      self.init(try OTLPTraceProtobuf.decode(request))
    case UInt8(ascii: "{"):
      let fault: TraceFormatError
      do throws(TraceFormatError) {
        self.init(try JaegerJSON.decode(text))
        return
      } catch { fault = error }
      let batches = try OTLPTraceJSON.decode(text)
      // Members that OTLP does not know are passed over: what is not OTLP has no spans.
      let isOTLP = ["\"resourceSpans\"", "\"resource_spans\""].contains { name in
        text.withUnsafeBytes { ByteSearch.firstIndex(of: Array(name.utf8), in: $0) != nil }
      }
      guard batches.spanCount > 0 || isOTLP else { throw fault }
      self.init(batches)
    default:
      throw TraceFormatError(.malformed, "it is no JSON document of Jaeger, Zipkin or OTLP")
    }
  }
}

private func documents(of text: [UInt8], _ file: String) throws -> [ImportedDocument] {
  let blanks: Set<UInt8> = [9, 10, 13, 32]
  let trimmed = Array(text.drop { blanks.contains($0) })
  let whole: TraceFormatError
  do throws(TraceFormatError) { return [try ImportedDocument(trimmed)] } catch { whole = error }
  // One document a line.
  let lines = trimmed.split(separator: 10).filter { !$0.allSatisfy(blanks.contains) }
  guard lines.count > 1 else { throw CommandFailure(message: "\(file): \(whole.message)") }
  var out: [ImportedDocument] = []
  for (number, line) in lines.enumerated() {
    do throws(TraceFormatError) {
      out.append(try ImportedDocument(Array(line)))
    } catch {
      throw CommandFailure(message: "\(file), line \(number + 1): \(error.message)")
    }
  }
  return out
}
