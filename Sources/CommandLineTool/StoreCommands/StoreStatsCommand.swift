import LogStore
import Storage
import TelemetryModel
import WireFormats

/// `sluice store stats`.
let storeStatsCommand = Command(
  name: "stats", summary: "Tell files, bytes, rows, streams, ratio and age of a data folder.",
  notes: """
    Counts what is in segment files; rows that are in the log alone are not in it. A server may use
    the folder.
    Example: sluice store stats -o json /var/lib/sluice
    """,
  positional: "DIR",
  options: [
    .value("output", "FORM", "default (for people) or json", preset: "default", aliases: ["o"])
  ],
  run: { arguments, surroundings in
    let form = try arguments.required("output")
    guard ["default", "json"].contains(form) else {
      throw UsageError(message: "--output is default or json")
    }
    var json = JSONWriter()
    json.beginObject()
    for member in try StoreFolders(arguments).members {
      let measured: StoreMeasure
      do throws(StorageError) { measured = try StoreMeasure(member) } catch {
        throw CommandFailure(message: error.message)
      }
      if form == "json" {
        json.key(member.kind.name)
        measured.write(to: &json)
      } else {
        surroundings.output.write(measured.text(now: surroundings.now()))
      }
    }
    json.endObject()
    if form == "json" { surroundings.output.write(json.bytes + [UInt8(ascii: "\n")]) }
    return .success
  })

/// The figures of one store.
struct StoreMeasure {
  let kind: StoreKind
  let segmentCount: Int
  let segmentBytes: Int
  let rowCount: Int
  let rawBytes: Int
  /// Of logs alone.
  let streamCount: Int?
  let oldest: Timestamp?
  let newest: Timestamp?
  let logFiles: Int
  let logBytes: Int64
  let setAsideCount: Int

  init(_ member: StoreFolders.Member) throws(StorageError) {
    let segments = try member.folder.segments()
    kind = member.kind
    segmentCount = segments.count
    segmentBytes = segments.reduce(0) { $0 + $1.record.byteCount }
    rowCount = segments.reduce(0) { $0 + $1.summary.rowCount }
    rawBytes = segments.reduce(0) { $0 + $1.summary.rawByteCount }
    streamCount = kind == .logs ? LogStore.streamCount(in: segments).streams : nil
    oldest = segments.map(\.summary.oldest).min()
    newest = segments.map(\.summary.newest).max()
    (logFiles, logBytes) = try member.folder.log()
    setAsideCount = try member.folder.setAsideCount()
  }

  var ratio: Double { Double(rawBytes) / Double(max(1, segmentBytes)) }

  func text(now: Int64) -> String {
    let ratioText = "\((ratio * 100).rounded() / 100)"
    var out = "\(kind.name)\n"
    out += "  segments      \(segmentCount) files, \(segmentBytes) bytes\n"
    out += "  rows          \(rowCount), \(rawBytes) bytes as they came in\n"
    out += "  ratio         \(ratioText)\n"
    if let streamCount { out += "  streams       \(streamCount)\n" }
    if let oldest, let newest {
      let age = max(0, (now - oldest.nanoseconds) / 1_000_000_000)
      out += "  oldest row    \(RFC3339.format(oldest)), \(age / 3600)h\(age % 3600 / 60)m ago\n"
      out += "  newest row    \(RFC3339.format(newest))\n"
    }
    out += "  log           \(logFiles) files, \(logBytes) bytes with the room set aside\n"
    out += "  set aside     \(setAsideCount) files\n"
    return out
  }

  func write(to json: inout JSONWriter) {
    json.beginObject()
    for (name, value) in [
      ("segments", segmentCount), ("segment_bytes", segmentBytes), ("rows", rowCount),
      ("raw_bytes", rawBytes), ("log_files", logFiles), ("log_bytes", Int(logBytes)),
      ("set_aside_files", setAsideCount),
    ] {
      json.key(name)
      json.int(Int64(value))
    }
    if let streamCount {
      json.key("streams")
      json.int(Int64(streamCount))
    }
    for case (let name, let time?) in [("oldest", oldest), ("newest", newest)] {
      json.key(name)
      json.string(RFC3339.format(time))
    }
    json.key("ratio")
    json.double((ratio * 1000).rounded() / 1000)
    json.endObject()
  }
}
