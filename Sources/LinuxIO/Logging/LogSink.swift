import Glibc
import Synchronization

/// Where log lines go: a level, a writer, and the memory of what was said too often.
package final class LogSink: Sendable {
  /// Standard error, at level `info` until ``level`` is set.
  package static let standardError = LogSink { line in
    var rest = line[...]
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Glibc.write(2, $0.baseAddress, $0.count) }
      if count > 0 {
        rest = rest.dropFirst(count)
      } else if errno != EINTR {
        return
      }
    }
  }

  private struct Repeats {
    var windowStart: MonotonicTime
    var written = 0
    var suppressed = 0
  }

  /// Lines of one message within a window.
  static let repeatsMax = 10
  static let windowSeconds = 10.0
  /// Messages that are remembered; beyond, the memory begins anew.
  static let messagesMax = 1000

  private let threshold = Atomic<Int>(LogLevel.info.rawValue)
  private let repeats = Mutex<[String: Repeats]>([:])
  private let emit: @Sendable ([UInt8]) -> Void

  /// `emit` gets whole lines with their newline, one at a time or from several threads at once.
  package init(_ emit: @escaping @Sendable ([UInt8]) -> Void) { self.emit = emit }

  /// Lines below this level are left out.
  package var level: LogLevel {
    get { LogLevel(rawValue: threshold.load(ordering: .relaxed)) ?? .info }
    set { threshold.store(newValue.rawValue, ordering: .relaxed) }
  }

  func write(_ level: LogLevel, _ component: String, _ message: String, _ fields: Log.Fields) {
    guard let suppressed = admit("\(level.rawValue)\(component)\u{0}\(message)", .now()) else {
      return
    }
    var line = Logfmt.timestampPrefix()
    Logfmt.append("level", level.name, to: &line)
    Logfmt.append("component", component, to: &line)
    Logfmt.append("msg", message, to: &line)
    for (key, value) in fields { Logfmt.append(key, value.description, to: &line) }
    if suppressed > 0 { Logfmt.append("suppressed", "\(suppressed)", to: &line) }
    line.append(0x0a)
    emit(line)
  }

  /// How many lines of this message were left out before, or `nil` when this one is to be.
  func admit(_ key: String, _ now: MonotonicTime) -> Int? {
    repeats.withLock { repeats in
      var entry = repeats[key] ?? Repeats(windowStart: now)
      defer {
        if repeats.count >= Self.messagesMax, repeats[key] == nil { repeats = [:] }
        repeats[key] = entry
      }
      if now.seconds(since: entry.windowStart) >= Self.windowSeconds {
        let suppressed = entry.suppressed
        entry = Repeats(windowStart: now, written: 1)
        return suppressed
      }
      guard entry.written < Self.repeatsMax else {
        entry.suppressed += 1
        return nil
      }
      entry.written += 1
      return 0
    }
  }

  /// Writing logfmt, with everything escaped that is not plain text.
  enum Logfmt {
    static func timestampPrefix() -> [UInt8] {
      var now = timespec()
      clock_gettime(CLOCK_REALTIME, &now)
      var parts = tm()
      gmtime_r(&now.tv_sec, &parts)
      var out = Array("ts=".utf8)
      pad(Int(parts.tm_year) + 1900, 4, "-", &out)
      pad(Int(parts.tm_mon) + 1, 2, "-", &out)
      pad(Int(parts.tm_mday), 2, "T", &out)
      pad(Int(parts.tm_hour), 2, ":", &out)
      pad(Int(parts.tm_min), 2, ":", &out)
      pad(Int(parts.tm_sec), 2, ".", &out)
      pad(now.tv_nsec / 1_000_000, 3, "Z", &out)
      return out
    }

    private static func pad(
      _ number: Int, _ width: Int, _ suffix: StaticString, _ out: inout [UInt8]
    ) {
      let digits = "\(number)".utf8
      out.append(contentsOf: repeatElement(0x30, count: max(0, width - digits.count)))
      out.append(contentsOf: digits)
      out.append(contentsOf: suffix.description.utf8)
    }

    static func append(_ key: String, _ value: String, to out: inout [UInt8]) {
      out.append(0x20)
      for byte in key.utf8 {
        out.append(byte > 0x20 && byte != 0x22 && byte != 0x3d && byte != 0x7f ? byte : 0x5f)
      }
      out.append(0x3d)
      let plain = value.unicodeScalars.allSatisfy { scalar in
        scalar.value > 0x20 && scalar != "\"" && scalar != "=" && scalar != "\\"
          && !isControl(scalar)
      }
      if plain, !value.isEmpty {
        out.append(contentsOf: value.utf8)
        return
      }
      out.append(0x22)
      for scalar in value.unicodeScalars { appendQuoted(scalar, &out) }
      out.append(0x22)
    }

    private static func isControl(_ scalar: Unicode.Scalar) -> Bool {
      switch scalar.value {
      case 0..<0x20, 0x7f..<0xa0, 0x2028, 0x2029, 0x202a...0x202e, 0x2066...0x2069: true
      default: false
      }
    }

    private static func appendQuoted(_ scalar: Unicode.Scalar, _ out: inout [UInt8]) {
      switch scalar {
      case "\"": out.append(contentsOf: "\\\"".utf8)
      case "\\": out.append(contentsOf: "\\\\".utf8)
      case "\n": out.append(contentsOf: "\\n".utf8)
      case "\t": out.append(contentsOf: "\\t".utf8)
      case "\r": out.append(contentsOf: "\\r".utf8)
      default:
        guard isControl(scalar) else {
          out.append(contentsOf: String(scalar).utf8)
          return
        }
        let hex = String(scalar.value, radix: 16)
        let zeros = String(repeating: "0", count: max(0, 4 - hex.utf8.count))
        out.append(contentsOf: "\\u\(zeros)\(hex)".utf8)
      }
    }
  }
}
