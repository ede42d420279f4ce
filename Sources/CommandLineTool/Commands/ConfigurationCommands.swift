import Configuration
import LinuxIO
import TelemetryModel
import WireFormats

/// `sluice check-config`: what is wrong with a configuration, or nothing.
let checkConfigCommand = Command(
  name: "check-config", summary: "Check a configuration file.",
  notes: """
    All faults are told at once, a line each, in the order of the file. Exit status 0 when the file
    can be used, 1 when not.
    Example: sluice check-config pipeline.yml
    """,
  positional: "FILE",
  options: [.flag("addresses", "list the addresses that the server would listen on")],
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let path = arguments.positional.first else {
      throw UsageError(message: "one configuration file is needed")
    }
    let text = String(decoding: try readFile(path, bytesMax: 16 << 20), as: UTF8.self)
    let (faults, remarks, rest) = configurationFaults(text, path, surroundings.environment)
    guard faults.isEmpty, let configuration = rest else {
      for fault in faults { surroundings.errors.write(terminalSafe(fault) + "\n") }
      if faults.count > 1 {
        throw CommandFailure(message: "\(path): \(faults.count) faults")
      }
      return .failure
    }
    for remark in remarks { surroundings.errors.write(terminalSafe(remark) + "\n") }
    if arguments.has("addresses") {
      for (what, address) in listeners(configuration) {
        let name = what + String(repeating: " ", count: max(0, 40 - what.count))
        surroundings.output.write("  \(name) \(address)\n")
      }
    } else {
      let parts = [
        configuration.server == nil ? nil : "server", configuration.agent == nil ? nil : "agent",
      ].compactMap(\.self)
      surroundings.output.write("\(terminalSafe(path)): good (\(parts.joined(separator: ", ")))\n")
    }
    return .success
  })

/// All that is wrong with a configuration, pipelines included, by lines; what may not be meant:
/// unset variables and settings of stages that mean nothing; and what is left without the faults,
/// the whole configuration where there are none.
func configurationFaults(
  _ text: String, _ path: String, _ environment: [String: String]
) -> (faults: [String], remarks: [String], rest: Configuration?) {
  let checked = Configuration.check(text: text, name: path, environment: environment)
  let start = YAMLMark(line: 0, column: 0)
  var found = checked.faults.map { (mark: $0.mark ?? start, text: $0.description) }
  let agent = checked.rest?.agent
  found += (agent?.unsupported ?? []).map {
    (mark: $0.mark, text: $0.error.description)
  }
  let check = agent.map { PipelineCheck($0) }
  found += (check?.faults ?? []).map { (mark: $0.mark, text: $0.message) }
  let faults = found.sorted { ($0.mark.line, $0.mark.column) < ($1.mark.line, $1.mark.column) }
    .map(\.text)
  let unset = checked.rest?.remarks.map(\.description) ?? []
  return (faults, unset + (check?.remarks ?? []), checked.rest)
}

/// Loads `pipeline.yml` or another file, and warns of variables in it that are not set.
///
/// - Throws: ``CommandFailure`` with `file:line:column: what is wrong`.
func loadConfiguration(_ path: String, _ surroundings: Surroundings) throws(CommandFailure)
  -> Configuration
{
  let text = String(decoding: try readFile(path, bytesMax: 16 << 20), as: UTF8.self)
  do {
    let configuration = try Configuration.parse(
      text: text, name: path, environment: surroundings.environment)
    for remark in configuration.remarks {
      Log("config").warn("a setting may lack its value", ["remark": remark.description])
    }
    return configuration
  } catch {
    throw CommandFailure(message: error.description)
  }
}

/// What listens where, by a configuration; `off` for what does not.
func listeners(_ configuration: Configuration) -> [(what: String, address: String)] {
  var out: [(String, String)] = []
  if let listen = configuration.server?.listen {
    let addresses = [
      ("Loki API", listen.loki, "http://"), ("OTLP/gRPC", listen.otlpGRPC, ""),
      ("OTLP/HTTP", listen.otlpHTTP, "http://"), ("Zipkin API", listen.zipkin, "http://"),
      ("Jaeger collector", listen.jaegerHTTP, "http://"),
      ("Jaeger agent, compact", listen.jaegerCompact, "udp://"),
      ("Jaeger agent, binary", listen.jaegerBinary, "udp://"),
      ("Jaeger query API", listen.jaegerQuery, "http://"), ("Tempo API", listen.tempo, "http://"),
    ]
    for (what, address, scheme) in addresses {
      out.append((what, address.map { scheme + $0.description } ?? "off"))
    }
  }
  return out
}
