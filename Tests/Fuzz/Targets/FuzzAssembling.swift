import Configuration
import TelemetryModel

/// A container's partial lines of two streams: what comes out of each stream, put together, is
/// what went in, and a line that is not the last of its kind ends with a full one.
///
/// Each line's first byte tells stream and flag.
func fuzzCRIAssembling(_ input: UnsafeRawBufferPointer) {
  var written: [String: [UInt8]] = [:]
  var containerLines: [[UInt8]] = []
  for line in lines(input) where line.count <= 512 {
    let stream = (line.first ?? 0) & 1 == 0 ? "stdout" : "stderr"
    let flag = (line.first ?? 0) & 2 == 0 ? "P" : "F"
    let content = Array(line.dropFirst())
    written[stream, default: []] += content
    containerLines.append(Array("2024-01-02T03:04:05Z \(stream) \(flag) ".utf8) + content)
  }
  let stages = [stage("cri", ["max_partial_lines": .plain("1")])]
  guard let outputs = run(stages, containerLines) else {
    preconditionFailure("the stage is refused")
  }
  var read: [String: [UInt8]] = [:]
  for output in outputs {
    let stream = output.labels.first { $0.name == "stream" }
    read[stream?.value ?? "", default: []] += output.line
  }
  precondition(read == written, "bytes of partial lines are lost or mixed up")
}

/// Blocks of lines: each begins with a line that does not begin with white space, none is longer
/// than allowed, and together they are the lines that went in.
func fuzzMultiline(_ input: UnsafeRawBufferPointer) {
  let all = lines(input).filter { !$0.isEmpty }.map { Array($0) }
  let stages = [
    stage("multiline", ["firstline": .text(#"^[^ \t]"#), "max_lines": .plain("3")])
  ]
  guard let outputs = run(stages, all) else { preconditionFailure("the stage is refused") }
  let joined = outputs.map(\.line)
  precondition(
    Array(joined.joined(separator: [10])) == Array(all.joined(separator: [10])),
    "lines are lost or mixed up")
  for block in joined {
    let parts = block.split(separator: 10)
    precondition(parts.count <= 3, "a block is too long")
    precondition(
      parts.dropFirst().allSatisfy { !isFirst($0) }, "a block goes on over a first line")
  }
}

private func isFirst(_ line: ArraySlice<UInt8>) -> Bool {
  // RE2 sees no character in bytes that are no UTF-8.
  line.first.map { $0 != 0x20 && $0 != 9 && $0 < 0x80 } ?? false
}

private func run(_ stages: [StageConfiguration], _ lines: [[UInt8]]) -> [StageOutput]? {
  let all = Array(lines.joined())
  return all.withUnsafeBytes { bytes in
    var at = 0
    let parts = lines.map { line in
      defer { at += line.count }
      return UnsafeRawBufferPointer(rebasing: bytes[at..<at + line.count])
    }
    return runStages(stages, parts)
  }
}
