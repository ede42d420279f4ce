import Configuration
import LinuxIO
import Pipeline
import TelemetryModel

/// `sluice convert`: another agent's configuration as Sluice's.
let convertCommand = Command(
  name: "convert", summary: "Make a configuration of Promtail's, Alloy's or Fluent Bit's.",
  notes: """
    The result goes to standard output, what could not be carried over to standard error, each
    with its line; the exit status is 0 also then, and 1 when the result does not run as it is.
    Promtail's files run as they are, too.
    Example: sluice convert --from alloy -o pipeline.yml config.alloy
    """,
  positional: "FILE",
  options: [
    .value("from", "KIND", "promtail, alloy or fluent-bit"),
    .value("output", "FILE", "write the result there", aliases: ["o"]),
  ],
  run: { arguments, surroundings in
    guard arguments.positional.count == 1, let path = arguments.positional.first else {
      throw UsageError(message: "one file is needed")
    }
    let bytes = try readFile(path, bytesMax: 16 << 20)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw CommandFailure(message: "\(path): is not UTF-8 text")
    }
    var result: (text: String, losses: [String])
    switch try arguments.required("from") {
    case "promtail": result = try PromtailConversion(text, name: path).result()
    case "alloy": result = finished(try AlloyConversion(text, name: path).result())
    case "fluent-bit", "fluentbit":
      result = finished(try FluentBitConversion(text, name: path).result())
    case let other:
      throw UsageError(message: "'\(other)' is none of promtail, alloy and fluent-bit")
    }
    let problems = problems(result.text, surroundings)
    result.losses += problems
    for loss in result.losses {
      surroundings.errors.write("not carried over: \(terminalSafe(loss))\n")
    }
    if let target = arguments["output"] {
      try writeFile(target, Array(result.text.utf8))
    } else {
      surroundings.output.write(result.text)
    }
    return problems.isEmpty ? .success : .failure
  })

private func finished(_ made: ConvertedConfiguration) -> (text: String, losses: [String]) {
  (made.yaml.document(), made.losses)
}

/// What still keeps the result from running.
private func problems(_ text: String, _ surroundings: Surroundings) -> [String] {
  let configuration: Configuration
  do {
    configuration = try Configuration.parse(
      text: text, name: "result", environment: surroundings.environment)
  } catch {
    return ["the result does not load: \(error.description)"]
  }
  var problems: [String] = []
  for problem in configuration.agent?.unsupported ?? [] { problems.append("\(problem.path)") }
  guard let check = configuration.agent.map({ PipelineCheck($0) }) else { return problems }
  for fault in check.faults {
    problems.append("the stages of `\(fault.job)` do not run: \(fault.message)")
  }
  return problems + check.remarks
}
