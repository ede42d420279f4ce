import LinuxIO
import Pipeline
import TelemetryModel

/// `sluice agent stages`: recorded pipeline cases from standard input, for developers.
///
/// A line of JSON in (stages, clock, entries), a line of JSON out (what came out of them).
let agentStagesCommand = Command(
  name: "stages", summary: "Run recorded pipeline cases: a line of JSON in, a line out.",
  isHidden: true,
  run: { _, surroundings in
    let zones = TimeZoneDatabase { path in try? readFile(path, bytesMax: 1 << 18) }
    try await readLines(from: 0) { line in
      surroundings.output.write(runRecordedCase(line, zones: zones) + [UInt8(ascii: "\n")])
    }
    return .success
  })
