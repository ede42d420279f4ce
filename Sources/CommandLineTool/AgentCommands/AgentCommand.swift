import Agent
import Configuration
import HTTP
import LinuxIO
import Pipeline
import TelemetryModel

/// `sluice agent`.
let agentCommand = Command(
  name: "agent", summary: "Run the agent, or try its pipelines.",
  notes: """
    The file's part `agent:` is taken, or the whole of it when it is a configuration of Promtail's.
    To try a pipeline on a file: `sluice agent --stdin --dry-run --inspect < FILE`.
    """,
  options: [
    configurationOption,
    .flag("dry-run", "print lines instead of sending them; leaves all files as they are"),
    .flag("inspect", "show on standard error what each stage changes in each line"),
    .flag("stdin", "read standard input, with the stages of the first job, to its end"),
    .value("job", "NAME", "of all jobs run this one alone"),
  ],
  subcommands: [agentReportCommand, agentTestCommand, agentStagesCommand],
  run: { arguments, surroundings in
    let configuration = try loadConfiguration(try arguments.required("config"), surroundings)
    guard var agent = configuration.agent else {
      throw CommandFailure(message: "\(configuration.name): there is no part `agent:`")
    }
    if let job = arguments["job"] {
      agent.scrapeConfigs.removeAll { $0.jobName != job }
      guard !agent.scrapeConfigs.isEmpty else {
        throw CommandFailure(message: "there is no job `\(job)`", status: .notFound)
      }
    }
    if arguments.has("stdin") { agent.target.stdin = true }
    var inspector: PipelineInspector?
    if arguments.has("inspect") {
      let painter = Painter(surroundings.errors, environment: surroundings.environment)
      let report = InspectionReport(output: surroundings.errors, painter: painter)
      inspector = { report.show($0) }
    }
    guard arguments.has("dry-run") else {
      // What options changed is not read anew from the file.
      let isWhole = arguments["job"] == nil && !arguments.has("stdin")
      return try await serve(
        nil, agent, surroundings, path: isWhole ? try arguments.required("config") : nil,
        inspector: inspector)
    }
    LogSink.standardError.level = .warn
    let dryRun = try DryRun(
      surroundings.output, in: TemporaryFolder.parent(of: surroundings.environment))
    defer { dryRun.clean() }
    let (changed, server) = try dryRun.prepare(agent)
    let status = try await serve(nil, changed, surroundings, path: nil, inspector: inspector)
    await server.drain(seconds: 1)
    return status
  })
