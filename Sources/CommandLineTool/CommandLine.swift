import Glibc
import LinuxIO
import LogQuery

/// All of `sluice`'s commands.
let rootCommand: Command = Command(
  name: "sluice", summary: "Ships, stores and answers logs and traces.",
  notes: """
    Exit status: 0 success, 1 failure, 2 wrong command line, 3 not found, 4 server not reachable;
    1 for the last two as well where the command is one of logcli's.
    """,
  subcommands: [
    runCommand, serverCommand, agentCommand,
  ]
    + [
      queryCommand, instantQueryCommand, tailCommand, labelsCommand, seriesCommand, statsCommand,
      volumeCommand, volumeRangeCommand, detectedFieldsCommand, formatCommand, deleteCommand,
    ].map(\.ofLogcli)
    + [
      tracesCommand, pushCommand, storeCommand, replayCommand, checkConfigCommand, convertCommand,
      completionCommand, completeCommand, versionCommand,
    ])

extension Command {
  /// The same with logcli's exit statuses, its subcommands too.
  fileprivate var ofLogcli: Command {
    var command = self
    command.isOfLogcli = true
    command.subcommands = subcommands.map(\.ofLogcli)
    return command
  }
}

let versionCommand = Command(
  name: "version", summary: "Print the version.",
  run: { _, surroundings in
    surroundings.output.write("sluice \(sluiceVersion)\n")
    return .success
  })

/// Runs the process's own command line and ends the process with its status.
///
/// To be called on the main thread before anything else: serving commands block the signals that
/// they answer to, and all other threads inherit that. The main thread then only waits. It must
/// not become the one of Swift's asynchronous `main`, which ends in a wait that takes every signal
/// in the old way.
package func runCommandLine() -> Never {
  registerStagesForDeletes()
  let words = Array(processArguments().dropFirst())
  if ["run", "server", "agent"].contains(words.first) {
    ProcessSignal.block()
    ProcessLimits.raiseOpenFiles()
  } else {
    signal(SIGPIPE, SIG_IGN)
  }
  // An agent is one small program of many on its machine.
  if words.first == "agent" { ProcessLimits.spareMemory() }
  let surroundings = Surroundings(
    output: DescriptorOutput.standardOutput, errors: DescriptorOutput.standardError,
    environment: processEnvironment(), now: wallClockNanoseconds)
  // The root of all tasks; it owns the process's end.
  Task {
    exit(await dispatch(words, root: rootCommand, surroundings: surroundings).rawValue)
  }
  while true { pause() }
}

/// The words that the process was started with. Swift finds them below the environment on the
/// stack, and finds none where a preloaded library (`faketime`) has moved the environment.
private func processArguments() -> [String] {
  if !CommandLine.arguments.isEmpty { return CommandLine.arguments }
  guard let bytes = try? readFile("/proc/self/cmdline") else { return [] }
  return bytes.split(separator: 0, omittingEmptySubsequences: false).dropLast()
    .map { String(decoding: $0, as: UTF8.self) }
}

private func processEnvironment() -> [String: String] {
  var environment: [String: String] = [:]
  var at = environ
  while let entry = at.pointee {
    let parts = String(cString: entry).split(
      separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
    at += 1
  }
  return environment
}

@Sendable private func wallClockNanoseconds() -> Int64 {
  var now = timespec()
  clock_gettime(CLOCK_REALTIME, &now)
  return Int64(now.tv_sec) * 1_000_000_000 + Int64(now.tv_nsec)
}
