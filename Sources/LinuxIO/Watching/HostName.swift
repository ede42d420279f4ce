import Glibc

/// What this machine calls itself.
package enum HostName {
  /// As `uname -n` has it; `localhost` where it cannot be had.
  package static var current: String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard gethostname(&buffer, buffer.count - 1) == 0 else { return "localhost" }
    let name = buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
    return name.isEmpty ? "localhost" : String(decoding: name, as: UTF8.self)
  }
}
