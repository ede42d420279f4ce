import Glibc

/// What systemd wants to hear from a service (sd_notify(3)): its protocol of datagrams to the
/// socket that `NOTIFY_SOCKET` names. Without one, nothing is said.
package struct SystemdNotifier: Sendable {
  private let address: SocketAddress?
  /// Half of what systemd waits for a sign of life; nil where it does not.
  package let watchdogSeconds: Double?

  /// By this process' environment.
  package init(environment: [String: String] = SystemdNotifier.environment) {
    if let path = environment["NOTIFY_SOCKET"], path.hasPrefix("/") || path.hasPrefix("@"),
      path.utf8.count < 108
    {
      // An abstract name begins with a zero byte.
      address = .unix(path: path.hasPrefix("@") ? "\0" + path.dropFirst() : path)
    } else {
      address = nil
    }
    let isOurs = environment["WATCHDOG_PID"].map { Int32($0) == getpid() } ?? true
    if isOurs, let text = environment["WATCHDOG_USEC"], let microseconds = Double(text),
      microseconds > 0
    {
      watchdogSeconds = microseconds / 2e6
    } else {
      watchdogSeconds = nil
    }
  }

  package static var environment: [String: String] {
    var found: [String: String] = [:]
    for name in ["NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC"] {
      if let value = getenv(name) { found[name] = String(cString: value) }
    }
    return found
  }

  package func tellReady() { send("READY=1\nSTATUS=running") }
  package func tellStopping() { send("STOPPING=1\nSTATUS=stopping") }
  package func tellAlive() { send("WATCHDOG=1") }
  package func tellReloading() {
    send("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.now().nanoseconds / 1000)")
  }

  private func send(_ text: String) {
    guard let address, case .unix(let path) = address else { return }
    let kind = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
    let number = socket(AF_UNIX, kind, 0)
    guard number >= 0 else { return }
    let descriptor = Descriptor(owning: number)
    let bytes = Array(text.utf8)
    let headBytes = MemoryLayout<sa_family_t>.size
    address.withRaw { raw, length in
      // An abstract name ends where it ends, not at a zero.
      let isAbstract = path.utf8.first == 0
      let size = isAbstract ? socklen_t(headBytes + path.utf8.count) : length
      _ = sendto(descriptor.number, bytes, bytes.count, Int32(MSG_NOSIGNAL), raw, size)
    }
  }
}
