import LinuxIO
import Synchronization
import TelemetryModel

/// `--parallel-duration`: a long range fetched in pieces, several at a time.
///
/// Each piece is written to a file of its own and the files are put together in order. With a
/// prefix the files stay where the user wants them and what is there is not fetched again.
struct ParallelDownload: Sendable {
  static let options: [Option] = [
    .value(
      "parallel-duration", "TIME", "fetch the range in pieces of this length", preset: "1h"),
    .value("parallel-max-workers", "N", "pieces fetched at a time", preset: "1"),
    .value("part-path-prefix", "PATH", "keep each piece in a file PATH_FROM_TO.part"),
    .flag("overwrite-completed-parts", "fetch pieces too that are there already"),
    .flag("merge-parts", "write all pieces to stdout in order, and remove their files"),
    .flag("keep-parts", "with --merge-parts: leave the files"),
  ]

  private static let piecesMax = 100_000
  private static let copyBytes = 1 << 20

  private let question: LogQuestion
  private let pieces: [QueryRange]
  private let workers: Int
  private let prefix: String?
  private let overwrites: Bool
  private let merges: Bool
  private let keeps: Bool

  /// nil when nothing is asked for in parallel.
  init?(_ arguments: Arguments, _ question: LogQuestion) throws(UsageError) {
    prefix = arguments["part-path-prefix"]
    workers = try arguments.count("parallel-max-workers", least: 1)
    guard
      prefix != nil || workers > 1 || arguments.isGiven("parallel-duration")
    else { return nil }
    overwrites = arguments.has("overwrite-completed-parts")
    merges = arguments.has("merge-parts") || prefix == nil
    keeps = arguments.has("keep-parts")
    let length = try parseTimeSpan(try arguments.required("parallel-duration"))
    guard length > .zero else {
      throw UsageError(message: "--parallel-duration is longer than 0s")
    }
    let whole = question.range
    guard whole.length.nanoseconds / length.nanoseconds < Self.piecesMax else {
      throw UsageError(message: "that would be more than \(Self.piecesMax) pieces")
    }
    var pieces: [QueryRange] = []
    var start = whole.start
    while start < whole.end {
      let end = min(start + length, whole.end)
      pieces.append(QueryRange(start: start, end: end))
      start = end
    }
    self.pieces = question.isForward ? pieces : pieces.reversed()
    // Whoever fetches in pieces wants all of it, as with logcli.
    var question = question
    question.limit = 0
    self.question = question
  }

  func run(_ answers: any LogAnswers, _ style: OutputStyle, _ surroundings: Surroundings)
    async throws -> ExitStatus
  {
    guard ![.csv, .json].contains(style.form) else {
      throw UsageError(message: "pieces are written with --output default, raw or jsonl")
    }
    let folder: TemporaryFolder?
    if prefix == nil {
      folder = try TemporaryFolder(
        named: "sluice-parts", in: TemporaryFolder.parent(of: surroundings.environment))
    } else {
      folder = nil
    }
    let prefix = self.prefix ?? "\(folder?.path ?? "")/part"
    let paths = pieces.map { Self.path(prefix, $0) }
    var bar = ProgressBar(surroundings.errors)
    try await withThrowingTaskGroup(of: Int.self) { group in
      var next = 0
      var done: Set<Int> = []
      var merged = 0
      func begin() {
        guard next < pieces.count else { return }
        let index = next
        next += 1
        group.addTask {
          try await fetch(pieces[index], to: paths[index], answers, style, surroundings)
          return index
        }
      }
      for _ in 0..<workers { begin() }
      while let index = try await group.next() {
        done.insert(index)
        bar.show(done: done.count, planned: pieces.count, unit: "pieces")
        while merges, done.contains(merged) {
          bar.end()
          try write(paths[merged], surroundings)
          merged += 1
        }
        begin()
      }
    }
    bar.end()
    return .success
  }

  /// `PREFIX_20261121T060000_20261121T070000.part`, with a fraction where a bound has one.
  private static func path(_ prefix: String, _ range: QueryRange) -> String {
    let layout = GoTimeLayout("20060102T150405.999999999")
    let bounds = [range.start, range.end].map { layout.format(ZonedTime($0)) }
    return "\(prefix)_\(bounds[0])_\(bounds[1]).part"
  }

  /// Fetches one piece to a file that gets its name when it is whole.
  private func fetch(
    _ range: QueryRange, to path: String, _ answers: any LogAnswers, _ style: OutputStyle,
    _ surroundings: Surroundings
  ) async throws {
    let files = RealFileSystem()
    if !overwrites, try files.status(path) != nil { return }
    var question = question
    question.range = range
    let unfinished = path + ".tmp"
    try writeFile(unfinished, [])
    let file = FileOutput(try files.open(unfinished, .append))
    var lines = LineOutput(
      prefix == nil ? style.quiet : style.quiet.plain, file, errors: surroundings.errors)
    try await question.pages(from: answers) { page in
      guard case .lines(let rows, let sets) = page else {
        throw CommandFailure(message: "only lines are fetched in pieces: this is a metric query")
      }
      lines.write(rows, sets: sets)
    }
    try file.finish()
    try files.rename(unfinished, to: path)
  }

  /// Copies a piece to the output; its file goes unless it is to stay.
  private func write(_ path: String, _ surroundings: Surroundings) throws {
    let files = RealFileSystem()
    let file = try files.open(path, .read)
    var offset: Int64 = 0
    while true {
      let bytes = try file.readBytes(at: offset, count: Self.copyBytes)
      if bytes.isEmpty { break }
      surroundings.output.write(bytes)
      offset += Int64(bytes.count)
    }
    try file.close()
    if !keeps || prefix == nil { try files.remove(path) }
  }
}

/// A file as a command's output; ``finish()`` tells whether all of it was written.
private final class FileOutput: TextOutput {
  private let file: any File
  private let failure = Mutex<SystemError?>(nil)

  init(_ file: any File) { self.file = file }

  var isTerminal: Bool { false }
  var width: Int? { nil }

  func write(_ bytes: [UInt8]) {
    failure.withLock { failure in
      guard failure == nil else { return }
      do throws(SystemError) { try file.append(bytes) } catch { failure = error }
    }
  }

  func finish() throws(SystemError) {
    if let failure = failure.withLock({ $0 }) { throw failure }
    try file.close()
  }
}
