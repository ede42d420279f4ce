import HTTP
import TelemetryModel
import TraceFormats

/// Where an export's traces go: files, standard output or a collector.
final class TraceExportTarget {
  private enum Place {
    case output(any TextOutput)
    case folder(String)
    case collector(TracePush)
  }

  private let place: Place
  private let format: TraceExportFormat
  private let perFile: Int
  private let output: any TextOutput
  /// Traces that wait for their file to be full.
  private var waiting: [[ResourceSpans]] = []
  private var fileNumber = 0

  init(
    _ arguments: Arguments, _ format: TraceExportFormat, _ surroundings: Surroundings
  ) throws {
    self.format = format
    perFile = try arguments.count("per-file", least: 1)
    output = surroundings.output
    if let url = arguments["push"] {
      place = .collector(try TracePush(url, format, arguments))
      return
    }
    let folder = try arguments.required("out")
    if folder == "-" {
      place = .output(surroundings.output)
    } else {
      try makeFolder(folder)
      place = .folder(folder)
    }
  }

  /// Whether the number of traces is told at the end: files are told one by one.
  var tellsCount: Bool {
    switch place {
    case .output: false
    case .folder: perFile > 1
    case .collector: true
    }
  }

  func take(_ traces: [[ResourceSpans]]) async throws {
    switch place {
    case .output(let output):
      for trace in traces { output.write(format.document(trace) + [UInt8(ascii: "\n")]) }
    case .collector(let push): try await push.send(traces.flatMap { $0 })
    case .folder(let folder):
      for trace in traces {
        guard perFile == 1 else {
          waiting.append(trace)
          if waiting.count == perFile { try writeWaiting(folder) }
          continue
        }
        guard let id = trace.first?.scopes.first?.spans.first?.traceID else { continue }
        try write(trace, "\(folder)/\(id.hex).\(format.rawValue).json")
      }
    }
  }

  func finish() async throws {
    if case .folder(let folder) = place, !waiting.isEmpty { try writeWaiting(folder) }
  }

  private func writeWaiting(_ folder: String) throws {
    fileNumber += 1
    let digits = String(fileNumber)
    let number = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    try write(waiting.flatMap { $0 }, "\(folder)/traces-\(number).\(format.rawValue).json")
    waiting = []
  }

  private func write(_ batches: [ResourceSpans], _ path: String) throws {
    try writeFile(path, format.document(batches))
    output.write(terminalSafe(path) + "\n")
  }
}

/// Sends spans to a collector, batch by batch; a busy or unreachable one is tried again.
struct TracePush {
  private let connection: ServerConnection
  private let path: String
  private let format: TraceExportFormat

  /// Attempts for one batch, with growing pauses between them.
  private static let attemptsMax = 6
  /// Spans of one body.
  private static let spansMax = 2_000

  init(_ url: String, _ format: TraceExportFormat, _ arguments: Arguments) throws {
    self.format = format
    let scheme = url.ranges(of: "://").first?.upperBound ?? url.startIndex
    let slash = url[scheme...].firstIndex(of: "/")
    let given = slash.map { String(url[$0...]) } ?? ""
    // An address without a path means the collector's usual one.
    path = given.isEmpty || given == "/" ? format.collectorPath : given
    connection = try ServerConnection(
      arguments, base: String(slash.map { url[..<$0] } ?? url[...]), option: "push")
  }

  func send(_ batches: [ResourceSpans]) async throws {
    for part in batches.split(spansMax: Self.spansMax) {
      for body in format.bodies(part) { try await send(body) }
    }
  }

  private func send(_ body: [UInt8]) async throws {
    var pause = 0.25
    for attempt in 1... {
      do {
        return try await connection.post(path, type: format.contentType, body: body)
      } catch let failure as CommandFailure
        where attempt < Self.attemptsMax && failure.isPassing
      {
        try? await Task.sleep(nanoseconds: UInt64(pause * 1e9))
        pause *= 2
      } catch let failure as CommandFailure where failure.status == .notFound {
        throw CommandFailure(
          message: "\(failure.message); --format \(format.rawValue) is sent: OTLP collectors "
            + "(4318) take --format otlp, Zipkin's (9411) zipkin, Jaeger's (14268) jaeger",
          status: failure.status)
      }
    }
  }
}

extension CommandFailure {
  /// Whether the same request may succeed a little later.
  fileprivate var isPassing: Bool {
    status == .unreachable || message.contains("answered 429") || message.contains("answered 503")
      || message.contains("answered 502") || message.contains("answered 504")
  }
}
