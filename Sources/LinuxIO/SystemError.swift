import Glibc

/// A system call that failed: which one, on what, and the kernel's reason.
package struct SystemError: Error, Hashable, CustomStringConvertible {
  /// The call as its manual page names it, as in `open`.
  package let call: String
  /// The path or the address that the call was about, where there was one.
  package let path: String?
  /// The kernel's `errno`.
  package let code: Int32

  package init(call: String, path: String? = nil, code: Int32) {
    self.call = call
    self.path = path
    self.code = code
  }

  /// The error that the calling thread's last system call left in `errno`.
  package static func last(_ call: String, path: String? = nil) -> SystemError {
    SystemError(call: call, path: path, code: errno)
  }

  /// One line for people, as in `open /var/lib/x: Permission denied`.
  package var message: String {
    let subject = path.map { " \($0)" } ?? ""
    return "\(call)\(subject): \(Self.reason(code))"
  }

  package var description: String { message }

  /// One line for people about an address, `[::]:3100` say, that `name` cannot be listened for on.
  package func listening(on address: String, for name: String) -> String {
    "cannot listen on \(address) for \(name): \(Self.reason(code))"
      + "; choose another address or end the process that holds it"
  }

  /// The C library's text for an `errno`.
  package static func reason(_ code: Int32) -> String {
    var buffer = [CChar](repeating: 0, count: 256)
    guard strerror_r(code, &buffer, buffer.count) == 0 else { return "error \(code)" }
    return buffer.withUnsafeBytes { bytes in
      String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
