import Bytes
import LinuxIO
import LogSources
import WireFormats

/// Promtail's positions file: read once when the queue knows nothing yet, and kept up to date for
/// people and for a way back to Promtail.
///
/// What counts is the queue's own record; this file tells what is durable in it.
struct PositionsFile {
  static let bytesMax = 64 << 20

  let path: String
  let fileSystem: any FileSystem

  /// Keys and values as they stand; empty when there is no file.
  ///
  /// A file that is not understood throws, unless `ignoresInvalid`.
  func read(ignoresInvalid: Bool) throws(AgentError) -> [ByteText: String] {
    let bytes: [UInt8]
    do throws(SystemError) {
      guard try fileSystem.status(path) != nil else { return [:] }
      bytes = try fileSystem.readWhole(path, bytesMax: Self.bytesMax)
    } catch { throw AgentError(error) }
    if bytes.isEmpty { return [:] }
    do throws(YAMLError) {
      let node = try YAMLNode.parse(String(decoding: bytes, as: UTF8.self))
      guard let positions = node["positions"] else { return [:] }
      var values: [ByteText: String] = [:]
      for member in positions.members ?? [] {
        if let scalar = member.value.scalar { values[member.key] = scalar.text }
      }
      return values
    } catch {
      if ignoresInvalid { return [:] }
      throw AgentError(
        "the positions file \(path) is no YAML (\(error.description)); repair it, or set"
          + " ignore_invalid_yaml to begin without it")
    }
  }

  /// Writes what the queue has, in one step.
  func write(_ queue: [String: [UInt8]]) throws(SystemError) {
    var out: [UInt8] = Array("positions:\n".utf8)
    let values = Self.values(queue)
    if values.isEmpty { out = Array("positions: {}\n".utf8) }
    for (key, value) in values.sorted(by: { $0.key < $1.key }) {
      out.append(utf8: "  \(Self.quoted(key.text)): \(Self.quoted(value, always: true))\n")
    }
    let temporary = path + ".new"
    let file = try fileSystem.open(temporary, .readWrite)
    try file.truncate(to: 0)
    try file.write(out, at: 0)
    try file.sync(.data)
    try file.close()
    try fileSystem.rename(temporary, to: path)
  }

  /// Of several files that had a name one after the other the newest has it now.
  static func values(_ queue: [String: [UInt8]]) -> [ByteText: String] {
    var values: [ByteText: String] = [:]
    var newest: [ByteText: Int64] = [:]
    for (key, bytes) in queue.sorted(by: { $0.key < $1.key }) {
      if key.hasPrefix("file:"), let number = Int64(key.dropFirst(5)),
        let position = try? FilePosition(encoded: bytes)
      {
        guard !position.isTruncated, number >= newest[position.path] ?? .min else { continue }
        newest[position.path] = number
        values[position.path] = String(position.offset)
      } else if key.hasPrefix("journal:"), let position = try? JournalPosition(encoded: bytes) {
        values["cursor-\(key.dropFirst(8))"] = position.cursor
      }
    }
    return values
  }

  private static func quoted(_ text: String, always: Bool = false) -> String {
    let isPlain =
      !text.isEmpty
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "/"), UInt8(ascii: "."),
          UInt8(ascii: "_"), UInt8(ascii: "-"):
          true
        default: false
        }
      } && !text.hasPrefix("-")
    if isPlain, !always { return text }
    var out = "\""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "\"", "\\": out += "\\\(scalar)"
      case " ": out += " "
      default:
        if isVisible(scalar) { out.unicodeScalars.append(scalar) } else { out += escape(scalar) }
      }
    }
    return out + "\""
  }

  /// Whether YAML takes a character as it stands and a person sees it.
  private static func isVisible(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.properties.generalCategory {
    case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator,
      .paragraphSeparator, .spaceSeparator:
      false
    default: true
    }
  }

  private static func escape(_ scalar: Unicode.Scalar) -> String {
    let digits = String(scalar.value, radix: 16)
    let width = scalar.value > 0xffff ? 8 : 4
    return (width == 8 ? "\\U" : "\\u") + String(repeating: "0", count: width - digits.count)
      + digits
  }
}
