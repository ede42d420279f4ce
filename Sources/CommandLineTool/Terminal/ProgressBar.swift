import LinuxIO
import WireFormats

/// How far something is, on one line of a terminal that is wiped in the end.
struct ProgressBar {
  private let output: any TextOutput
  private var isShown = false

  init(_ output: any TextOutput) { self.output = output }

  /// Shows `done` of `planned` bytes, or of a `unit`; nothing where no person is there to see it.
  mutating func show(done: Int, planned: Int, unit: String? = nil) {
    guard output.isTerminal, planned > 0 else { return }
    let share = min(1, Double(done) / Double(planned))
    let cells = max(10, min(40, (output.width ?? 80) - 40))
    let full = Int(share * Double(cells))
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
    let whole = unit.map { "\(planned) \($0)" } ?? Self.size(planned)
    output.write("\r[\(bar)] \(Int(share * 100))% of \(whole)\u{1b}[K")
    isShown = true
  }

  mutating func end() {
    if isShown { output.write("\r\u{1b}[K") }
    isShown = false
  }

  static func size(_ bytes: Int) -> String {
    var value = Double(bytes)
    for unit in ["B", "KiB", "MiB", "GiB"] {
      if value < 1024 { return "\(Int(value.rounded())) \(unit)" }
      value /= 1024
    }
    return "\((value * 10).rounded() / 10) TiB"
  }
}

extension ServerConnection {
  /// Runs `body` while the progress of the query `id` is shown on `output`; the first half second
  /// shows nothing. A server that knows no progress shows none.
  func showingProgress<T: Sendable>(
    of id: String, on output: any TextOutput, _ body: @escaping @Sendable () async throws -> T
  ) async throws -> T {
    guard output.isTerminal, let loop = try? EventLoop.shared.get()[0] else {
      return try await body()
    }
    let watch = Task {
      var bar = ProgressBar(output)
      defer { bar.end() }
      var pause = 0.5
      while (try? await loop.sleep(seconds: pause)) != nil {
        pause = 0.2
        guard
          let answer = try? await json("/loki/api/v1/query_progress", [("query_id", id)]),
          let done = answer["bytesDone"]?.doubleValue,
          let planned = answer["bytesPlanned"]?.doubleValue
        else { return }
        bar.show(done: Int(done), planned: Int(planned))
      }
    }
    do {
      let value = try await body()
      watch.cancel()
      await watch.value
      return value
    } catch {
      watch.cancel()
      await watch.value
      throw error
    }
  }
}
