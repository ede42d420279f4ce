import Glibc
import LinuxIO
import LogQL
import LogQuery
import LokiAPI
import TelemetryModel
import WireFormats

/// Encodes the first lines of a corpus as the answer to a log query, again and again, and prints
/// what one core makes of it: `line-encoding CORPUS [LINES [ROUNDS]]`.
struct LineEncoding {
  let streams: [ResultStream]
  let lineCount: Int
  let lineBytes: Int

  /// Reads `CORPUS/00000.pb` and so on, bodies of pushes.
  init(_ folder: String, lines: Int) throws {
    var streams: [Labels: [ResultEntry]] = [:]
    var (count, bytes) = (0, 0)
    var number = 0
    while count < lines {
      let digits = String(number)
      let name = String(repeating: "0", count: max(0, 5 - digits.count)) + digits
      let body = try RealFileSystem().readToEnd("\(folder)/\(name).pb", bytesMax: 1 << 28)
      let decoder = LokiPushDecoder()
      for rows in try decoder.decodeSnappy(body).streams {
        let labels = RowLabels(id: streams.count, stream: rows.labels.sorted)
        for row in 0..<rows.count where count < lines {
          let range = rows.lineRange(row)
          streams[rows.labels, default: []].append(
            ResultEntry(
              timestamp: rows.timestamps[row], text: EntryLine(rows.lineBytes, range),
              labels: labels))
          count += 1
          bytes += range.count
        }
      }
      number += 1
    }
    self.streams = streams.map { ResultStream(entries: $1, labels: $0) }.sortedByText
    (lineCount, lineBytes) = (count, bytes)
  }

  /// The bytes of one answer.
  func encode(_ flags: [String]) -> Int {
    var encoder = ResultEncoder(flags: flags, direction: .forward)
    encoder.encode(
      QueryResult(value: .streams(streams), statistics: QueryStatistics()), seconds: 0)
    return encoder.pieces.reduce(0) { $0 + $1.count }
  }

  func run(_ flags: [String], rounds: Int) {
    _ = encode(flags)
    var best = Double.infinity
    var size = 0
    for _ in 0..<rounds {
      let begun = MonotonicTime.now()
      size = encode(flags)
      best = min(best, MonotonicTime.now().seconds(since: begun))
    }
    let name = flags.isEmpty ? "plain" : flags.joined(separator: ",")
    print(
      "\(name): \(lineCount) lines of \(lineBytes) bytes, \(size) bytes of JSON in "
        + "\(Int(best * 1e6)) µs: \(Int(Double(size) / best / 1e6)) MB/s, of lines "
        + "\(Int(Double(lineBytes) / best / 1e6)) MB/s")
  }
}

let arguments = CommandLine.arguments
guard arguments.count > 1 else {
  print("usage: line-encoding CORPUS [LINES [ROUNDS]]")
  exit(2)
}
let lines = arguments.count > 2 ? Int(arguments[2]) ?? 100_000 : 100_000
let rounds = arguments.count > 3 ? Int(arguments[3]) ?? 20 : 20
let encoding = try LineEncoding(arguments[1], lines: lines)
encoding.run([], rounds: rounds)
encoding.run(["categorize-labels"], rounds: rounds)
