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

/// Which start of the machine this is.
package enum BootID {
  /// 32 hexadecimal digits, as the journal's `_BOOT_ID` has them; nil where it cannot be had.
  package static var current: String? {
    let path = "/proc/sys/kernel/random/boot_id"
    guard let bytes = try? RealFileSystem().readWhole(path, bytesMax: 64) else { return nil }
    let digits = String(decoding: bytes, as: UTF8.self).filter(\.isHexDigit)
    return digits.count == 32 ? digits : nil
  }
}
