import Configuration
import LinuxIO
import LogSources
import Synchronization
package import TelemetryModel
import WireFormats

/// Runs one recorded case of stages or relabelling: a line of JSON in, a line out.
///
/// A case with `configs` relabels `labels`; one with `stages` sends `entries` through a pipeline
/// whose clock begins at `now` and moves by each entry's `after_ms`. What comes out has the case's
/// `id`, and `error` when the configuration is refused. Never throws: a malformed case answers
/// with an error too.
package func runRecordedCase(_ jsonLine: [UInt8], zones: TimeZoneDatabase = .utcOnly) -> [UInt8] {
  var writer = JSONWriter()
  writer.beginObject()
  do {
    let input = try JSONValue.parse(jsonLine)
    writer.key("id")
    writer.string(input["id"]?.stringValue ?? "")
    let answer = RecordedCase(input: input, zones: zones)
    if input["configs"] != nil {
      answer.relabel(&writer)
    } else {
      answer.runStages(&writer)
    }
  } catch {
    writer.key("error")
    writer.string("the case is no JSON: \(error.description)")
  }
  writer.endObject()
  return writer.bytes
}

/// A clock that a case moves.
private final class CaseClock: WallClock {
  private let nanoseconds: Mutex<Int64>

  init(_ start: Int64) { nanoseconds = Mutex(start) }

  func now() -> Int64 { nanoseconds.withLock { $0 } }

  func monotonic() -> MonotonicTime { MonotonicTime(nanoseconds: UInt64(max(0, now()))) }

  func advance(milliseconds: Int64) {
    nanoseconds.withLock { $0 &+= milliseconds &* 1_000_000 }
  }

  func move(to time: Int64) { nanoseconds.withLock { $0 = max($0, time) } }
}

private struct RecordedCase {
  let input: JSONValue
  let zones: TimeZoneDatabase

  private func labels(_ value: JSONValue?) -> Labels {
    Labels((value?.members ?? []).map { Label($0.key, $0.value.stringValue ?? "") })
  }

  private func time(_ text: String?) -> Timestamp? {
    guard let text else { return nil }
    return (try? GoTimeLayout.rfc3339Nano.parse(text)).map {
      Timestamp(nanoseconds: $0.unixNanoseconds)
    }
  }

  private func write(_ labels: Labels, to writer: inout JSONWriter) {
    writer.beginObject()
    for label in labels.sorted {
      writer.key(label.name)
      writer.string(label.value)
    }
    writer.endObject()
  }

  func relabel(_ writer: inout JSONWriter) {
    do {
      let node = try YAMLNode.parse(input["configs"]?.stringValue ?? "")
      var configurations: [RelabelConfiguration] = []
      for (index, item) in (node.items ?? []).enumerated() {
        var section = try SettingSection(item, path: "[\(index)]", file: "configs")
        configurations.append(try RelabelConfiguration(&section))
      }
      let result = try Relabeling(configurations).apply(to: labels(input["labels"]))
      writer.key("labels")
      if let result { write(result, to: &writer) } else { writer.null() }
    } catch {
      writer.key("error")
      writer.string("\(error)")
    }
  }

  func runStages(_ writer: inout JSONWriter) {
    let clock = CaseClock(time(input["now"]?.stringValue)?.nanoseconds ?? 0)
    do {
      let node = try YAMLNode.parse(input["stages"]?.stringValue ?? "")
      let stages = try StageConfiguration.list(node, path: "pipeline_stages", file: "stages")
      let metrics = PipelineMetrics(clock: clock)
      let pipeline = try Pipeline(
        stages: stages, jobName: "case", clock: clock, zones: zones, metrics: metrics)
      writer.key("entries")
      writer.beginArray()
      run(pipeline, clock, &writer)
      writer.endArray()
      writer.key("metrics")
      writer.string(scrape(pipeline, metrics))
      if let waits = input["extra_scrapes_ms"]?.arrayValue {
        writer.key("extra_scrapes")
        writer.beginArray()
        for wait in waits {
          clock.advance(milliseconds: wait.intValue ?? 0)
          writer.string(scrape(pipeline, metrics))
        }
        writer.endArray()
      }
    } catch {
      writer.key("error")
      writer.string("\(error)")
    }
  }

  private func run(_ pipeline: Pipeline, _ clock: CaseClock, _ writer: inout JSONWriter) {
    for (index, entry) in (input["entries"]?.arrayValue ?? []).enumerated() {
      if let wait = entry["after_ms"]?.intValue {
        advance(pipeline, clock, by: wait &* 1_000_000, &writer)
      }
      let line = Array((entry["line"]?.stringValue ?? "").utf8)
      let metadata = (entry["structured_metadata"]?.arrayValue ?? []).map { pair in
        Label(pair[0]?.stringValue ?? "", pair[1]?.stringValue ?? "")
      }
      line.withUnsafeBytes { bytes in
        pipeline.process(
          line: bytes, timestamp: time(entry["timestamp"]?.stringValue) ?? .zero,
          labels: labels(entry["labels"]), structuredMetadata: metadata,
          origin: LineOrigin(source: 1, start: Int64(index), length: 1)
        ) { write($0, to: &writer) }
      }
    }
    pipeline.stop { write($0, to: &writer) }
  }

  /// Moves the clock, stopping where blocks become due.
  private func advance(
    _ pipeline: Pipeline, _ clock: CaseClock, by span: Int64, _ writer: inout JSONWriter
  ) {
    let end = clock.now() &+ span
    while let deadline = pipeline.nextDeadline, deadline <= end {
      clock.move(to: deadline)
      pipeline.expire { write($0, to: &writer) }
    }
    clock.move(to: end)
  }

  private func write(_ output: PipelineOutput, to writer: inout JSONWriter) {
    var labels = output.labels.sorted
    if let tenant = output.tenant { labels.append(Label("__tenant_id__", tenant)) }
    writer.beginObject()
    writer.key("labels")
    write(Labels(labels), to: &writer)
    writer.key("timestamp")
    let time = output.distantTime.map {
      ZonedTime(unixSeconds: $0.seconds, nanosecond: $0.nanosecond)
    }
    writer.string(GoTimeLayout.rfc3339Nano.format(time ?? ZonedTime(output.timestamp)))
    writer.key("line")
    writer.string(bytes: output.line)
    writer.key("structured_metadata")
    writer.beginArray()
    for label in output.structuredMetadata {
      writer.beginArray()
      writer.string(label.name)
      writer.string(label.value)
      writer.endArray()
    }
    writer.endArray()
    writer.endObject()
  }

  /// What Promtail drops without counting it.
  private static let uncounted = [JSONStage.dropReason, EventLogMessageStage.dropReason]

  private func scrape(_ pipeline: Pipeline, _ metrics: PipelineMetrics) -> String {
    let drops = pipeline.drops.filter { !Self.uncounted.contains($0.reason) }.map {
      "logentry_dropped_lines_total{reason=\(quoted($0.reason))} \($0.lines)\n"
    }
    let byLabel = pipeline.dropsByLabel.map {
      "logentry_dropped_lines_by_label_total{label_name=\(quoted($0.label.name)),"
        + "label_value=\(quoted($0.label.value))} \($0.lines)\n"
    }
    return (byLabel + drops).joined() + String(decoding: metrics.exposition(), as: UTF8.self)
  }
}
