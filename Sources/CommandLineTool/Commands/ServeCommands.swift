import Agent
import Configuration
import LinuxIO
import Pipeline

let configurationOption = Option.value(
  "config", "FILE", "the configuration", preset: "pipeline.yml", aliases: ["c", "config.file"])

/// `sluice run`: server and agent in one process.
let runCommand = Command(
  name: "run", summary: "Run server and agent in one process.",
  notes: """
    SIGTERM and Ctrl-C end it: listeners close, requests under way finish, nothing is lost.
    Example: sluice run --config pipeline.yml
    """,
  options: [configurationOption],
  run: { arguments, surroundings in
    let configuration = try loadConfiguration(try arguments.required("config"), surroundings)
    return try await serve(
      configuration.server ?? ServerConfiguration(), configuration.agent, surroundings,
      path: try arguments.required("config"))
  })

/// `sluice server`.
let serverCommand = Command(
  name: "server", summary: "Run the server.",
  notes: """
    SIGTERM and Ctrl-C end it: listeners close, requests under way finish, nothing is lost.
    Example: sluice server --config pipeline.yml
    """,
  options: [configurationOption],
  run: { arguments, surroundings in
    let configuration = try loadConfiguration(try arguments.required("config"), surroundings)
    guard let server = configuration.server else {
      throw CommandFailure(message: "\(configuration.name): there is no part `server:`")
    }
    return try await serve(server, nil, surroundings, path: try arguments.required("config"))
  })

/// Gives back what only the start of an agent needed, once it runs as it will for days.
private func giveBackCode() async -> Result<Void, CommandFailure>? {
  do { try await Task.sleep(nanoseconds: 15_000_000_000) } catch { return nil }
  ProcessLimits.giveBackCode()
  return nil
}

/// Runs the parts until a signal ends them. SIGHUP reads the agent's part of `path` anew; so does a
/// change of the file; without a path neither does anything. systemd is told how it goes.
func serve(
  _ server: ServerConfiguration?, _ agent: AgentConfiguration?, _ surroundings: Surroundings,
  path: String?, inspector: PipelineInspector? = nil
) async throws -> ExitStatus {
  if let level = server?.log.level.rawValue {
    LogSink.standardError.level = LogLevel(name: level) ?? .info
  }
  // Found out late, when there are threads that have their arenas; `agent` says it at once.
  if server == nil { ProcessLimits.spareMemory() }
  let service = SystemdNotifier()
  let signals = try ProcessSignal.deliveries(on: try EventLoop.shared.get()[0])
  let running: RunningServer?
  if let server { running = try await RunningServer.start(server) } else { running = nil }
  let supervisor = agent.map { agent in
    AgentSupervisor(agent, path: path, service: service, inspector: inspector) {
      () throws(AgentError) in
      guard let path else { throw AgentError("options were given: nothing is read anew") }
      do throws(CommandFailure) {
        guard let next = try loadConfiguration(path, surroundings).agent else {
          throw CommandFailure(message: "\(path): there is no part `agent:`")
        }
        return next
      } catch { throw AgentError(error.message) }
    }
  }
  if supervisor == nil { service.tellReady() }
  let outcome = await withTaskGroup(of: Result<Void, CommandFailure>?.self) { group in
    group.addTask {
      for await signal in signals {
        guard signal == .hangup else { break }
        supervisor?.reload()
      }
      return .success(())
    }
    if let seconds = service.watchdogSeconds {
      group.addTask {
        while !Task.isCancelled {
          service.tellAlive()
          try? await Task.sleep(nanoseconds: UInt64(seconds * 1e9))
        }
        return nil
      }
    }
    if server == nil { group.addTask { await giveBackCode() } }
    if let supervisor {
      group.addTask {
        do throws(AgentError) {
          try await supervisor.run()
          return .success(())
        } catch {
          return .failure(CommandFailure(message: error.message))
        }
      }
    }
    var first: Result<Void, CommandFailure> = .success(())
    for await one in group {
      guard let one else { continue }
      first = one
      break
    }
    service.tellStopping()
    group.cancelAll()
    for await _ in group {}
    return first
  }
  await running?.stop()
  try outcome.get()
  return .success
}
