import Agent
import Configuration
import LinuxIO
import Pipeline

let configurationOption = Option.value(
  "config", "FILE", "the configuration", preset: "pipeline.yml", aliases: ["c", "config.file"])

/// `sluice run`: server and agent in one process.
let runCommand = Command(
  name: "run", summary: "Run server and agent in one process.",
  notes: "SIGTERM and Ctrl-C end it: listeners close, requests under way finish, nothing is lost.",
  options: [configurationOption],
  run: { arguments, surroundings in
    let configuration = try loadConfiguration(try arguments.required("config"), surroundings)
    return try await serve(
      configuration.server ?? ServerConfiguration(), configuration.agent, surroundings)
  })

/// `sluice server`.
let serverCommand = Command(
  name: "server", summary: "Run the server.", options: [configurationOption],
  run: { arguments, surroundings in
    let configuration = try loadConfiguration(try arguments.required("config"), surroundings)
    guard let server = configuration.server else {
      throw CommandFailure(message: "\(configuration.name): there is no part `server:`")
    }
    return try await serve(server, nil, surroundings)
  })

/// Runs the parts until a signal ends them.
func serve(
  _ server: ServerConfiguration?, _ agent: AgentConfiguration?, _ surroundings: Surroundings,
  inspector: PipelineInspector? = nil
) async throws -> ExitStatus {
  if let level = server?.log.level.rawValue {
    LogSink.standardError.level = LogLevel(name: level) ?? .info
  }
  let signals = try ProcessSignal.deliveries(on: try EventLoop.shared.get()[0])
  let running: RunningServer?
  if let server { running = try await RunningServer.start(server) } else { running = nil }
  let outcome = await withTaskGroup(of: Result<Void, CommandFailure>.self) { group in
    group.addTask {
      for await signal in signals where signal != .hangup { break }
      return .success(())
    }
    if let agent {
      group.addTask {
        do throws(AgentError) {
          try await Agent(configuration: agent, inspector: inspector).run()
          return .success(())
        } catch {
          return .failure(CommandFailure(message: error.message))
        }
      }
    }
    let first = await group.next() ?? .success(())
    group.cancelAll()
    for await _ in group {}
    return first
  }
  await running?.stop()
  try outcome.get()
  return .success
}
