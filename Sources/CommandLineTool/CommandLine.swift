import Glibc
import LinuxIO

/// All of `sluice`'s commands.
let rootCommand = Command(
  name: "sluice", summary: "Ships, stores and answers logs and traces.",
  notes: """
    Exit status: 0 success, 1 failure, 2 wrong command line, 3 not found, 4 server not reachable.
    """,
  subcommands: [
    runCommand, serverCommand, agentCommand, queryCommand, labelsCommand, seriesCommand,
    tracesCommand, pushCommand, replayCommand, checkConfigCommand, versionCommand,
  ])

let versionCommand = Command(
  name: "version", summary: "Print the version.",
  run: { _, surroundings in
    surroundings.output.write("sluice \(sluiceVersion)\n")
    return .success
  })

/// Sets the process's signals up; to be called on the main thread before anything else.
///
/// Not part of ``runCommandLine()``, which may run on another thread: the main thread would go on
/// to take signals in the old way.
package func prepareProcess() {
  if ["run", "server", "agent"].contains(CommandLine.arguments.dropFirst().first) {
    ProcessSignal.block()
  } else {
    signal(SIGPIPE, SIG_IGN)
  }
}

/// Runs the process's own command line and ends the process with its status.
package func runCommandLine() async {
  var environment: [String: String] = [:]
  var at = environ
  while let entry = at.pointee {
    let parts = String(cString: entry).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
    at += 1
  }
  let words = Array(CommandLine.arguments.dropFirst())
  let surroundings = Surroundings(
    output: DescriptorOutput.standardOutput, errors: DescriptorOutput.standardError,
    environment: environment, now: wallClockNanoseconds)
  let status = await dispatch(
    words, root: rootCommand, surroundings: surroundings)
  exit(status.rawValue)
}

@Sendable private func wallClockNanoseconds() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}
