import LinuxIO

/// How many descriptors this process may have open, from `/proc/self/limits` (proc(5)).
enum OpenFileLimit {
  /// What holds where the file cannot be read, and the kernel's own beginning.
  private static let usual = 1024

  static func current() -> Int {
    guard
      let bytes = try? RealFileSystem().readToEnd("/proc/self/limits", bytesMax: 64 << 10)
    else { return usual }
    return read(String(decoding: bytes, as: UTF8.self))
  }

  /// The soft limit; a line is `Max open files  SOFT  HARD  files`.
  static func read(_ limits: String) -> Int {
    for line in limits.split(separator: "\n") where line.hasPrefix("Max open files") {
      let soft = line.dropFirst("Max open files".count).split(separator: " ").first ?? ""
      return soft == "unlimited" ? .max : Int(soft) ?? usual
    }
    return usual
  }
}
