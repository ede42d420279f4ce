import Configuration
import Regex
import WireFormats

/// `decolorize`: takes the escape sequences of terminals out of the line.
final class DecolorizeStage: Stage {
  private let regex: Regex

  /// Loki's expression for ANSI sequences (its `decolorize` stage of LogQL has the same).
  private static let expression =
    "[\u{1b}\u{9b}][[\\]()#;?]*(?:(?:(?:[a-zA-Z\\d]*(?:;[a-zA-Z\\d]*)*)?\u{7})"
    + "|(?:(?:\\d{1,4}(?:;\\d{0,4})*)?[\\dA-PRZcf-ntqry=><~]))"

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    // Promtail does not look at what stands here.
    if stage.settings.members != nil { try stage.section(shared).finish() }
    do { regex = try Regex(DecolorizeStage.expression) } catch {
      throw stage.error(error.message)
    }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard entry.bytes[entry.line].contains(where: { $0 == 0x1b || $0 == 0xc2 }) else {
      return .proceed
    }
    let kept: [UInt8]? = entry.withText(entry.line) { text in
      var kept: [UInt8] = []
      var at = 0
      while at < text.count, let match = regex.firstMatch(text, from: at)?[0] {
        guard !match.isEmpty else { break }
        kept.append(contentsOf: text[at..<match.lowerBound])
        at = match.upperBound
      }
      guard at > 0 else { return nil }
      kept.append(contentsOf: text[at...])
      return kept
    }
    if let kept { entry.line = entry.append(kept) }
    return .proceed
  }
}
