import LogQL
import Regex

/// `| decolorize`: takes terminal escape sequences out of the line.
final class DecolorizeStage: PipelineStage {
  private let regex: Regex
  private static let pattern =
    "[\u{1B}\u{9B}][[\\]()#;?]*(?:(?:(?:[a-zA-Z\\d]*(?:;[a-zA-Z\\d]*)*)?\u{07})"
    + "|(?:(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PRZcf-ntqry=><~]))"

  override init() {
    // The pattern is ours and tested; an empty one would leave lines as they are.
    regex = (try? Regex(DecolorizeStage.pattern)) ?? DecolorizeStage.nothing
    super.init()
  }

  private static let nothing: Regex = {
    guard let regex = try? Regex("[^\\x00-\\x{10FFFF}]") else {
      preconditionFailure("RE2 does not compile a class of characters")
    }
    return regex
  }()

  override func run(_ row: RowBuilder) -> Bool {
    let line = row.line
    guard line.contains(0x1b) || line.contains(0x9b) else { return true }
    var kept: [UInt8] = []
    var at = 0
    while at <= line.count, let match = regex.firstMatch(line, from: at), let range = match[0] {
      kept += line[at..<range.lowerBound]
      at = range.upperBound
      // Every match has the escape character at least.
      if range.isEmpty { break }
    }
    kept += line[min(at, line.count)...]
    row.line = row.arena.copy(kept)
    return true
  }
}
