import CLinux
import Glibc
import LinuxIO

/// A file descriptor of the process as a command's output: written whole, EINTR retried.
///
/// A reader that went away (`sluice query … | head`) ends the process quietly, as SIGPIPE would.
struct DescriptorOutput: TextOutput {
  let descriptor: Int32

  static let standardOutput = DescriptorOutput(descriptor: 1)
  static let standardError = DescriptorOutput(descriptor: 2)

  var isTerminal: Bool { isatty(descriptor) == 1 }

  var width: Int? {
    var size = winsize()
    guard ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return nil }
    return Int(size.ws_col)
  }

  func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { buffer in
      var done = 0
      while done < buffer.count {
        let count = Glibc.write(
          descriptor, buffer.baseAddress?.advanced(by: done), buffer.count - done)
        if count > 0 {
          done += count
        } else if errno != EINTR {
          if descriptor == 1, errno == EPIPE { exit(141) }
          return
        }
      }
    }
  }
}
