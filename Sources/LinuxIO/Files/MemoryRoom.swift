import Glibc

/// How much memory the process may still take before the machine or its container runs short.
package struct MemoryRoom: Hashable, Sendable {
  package var available: Int
  package var total: Int

  /// Of the machine, or of the control group (version 2) where that leaves less; nil where the
  /// kernel does not tell.
  package static func now() -> MemoryRoom? {
    guard let text = text("/proc/meminfo"), let total = number(after: "MemTotal:", in: text),
      let available = number(after: "MemAvailable:", in: text)
    else { return nil }
    let machine = MemoryRoom(available: available * 1024, total: total * 1024)
    guard let group = ofGroup(), group.total < machine.total else { return machine }
    return group.available < machine.available ? group : machine
  }

  private static func ofGroup() -> MemoryRoom? {
    let folder = "/sys/fs/cgroup"
    guard let limitText = text(folder + "/memory.max"),
      let usedText = text(folder + "/memory.current"),
      let limit = leadingNumber(limitText[...]), let used = leadingNumber(usedText[...])
    else { return nil }
    // File pages that nobody has used of late are given back first.
    let cached = text(folder + "/memory.stat").flatMap { number(after: "inactive_file", in: $0) }
    return MemoryRoom(available: max(0, limit - used + (cached ?? 0)), total: limit)
  }

  private static func text(_ path: String) -> String? {
    guard let file = try? RealFileSystem().open(path, .read),
      let bytes = try? file.readBytes(at: 0, count: 8192)
    else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  private static func number(after name: String, in text: String) -> Int? {
    for line in text.split(separator: "\n") where line.hasPrefix(name) {
      return leadingNumber(line.dropFirst(name.count).drop { $0 == " " })
    }
    return nil
  }

  private static func leadingNumber(_ text: Substring) -> Int? { Int(text.prefix { $0.isNumber }) }
}
