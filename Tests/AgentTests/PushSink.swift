import Foundation
import Synchronization
import TelemetryModel
import WireFormats

/// A server that takes pushes over a raw socket, and can refuse, hang up or answer nothing.
final class PushSink: Sendable {
  enum Answer: Sendable {
    case status(Int, headers: String = "", body: String = "")
    /// Takes the request and closes without a word.
    case hangUp
    /// Takes the request and says nothing for so long.
    case silence(seconds: Double)
  }

  struct Push: Sendable {
    var tenant: String?
    var head: String
    var streams: [StreamRows]
    var accepted: Bool
  }

  private struct State {
    var pushes: [Push] = []
    var answers: [Answer] = []
    var isOpen = true
  }

  let port: UInt16
  private let listener: Int32
  private let state = Mutex(State())

  /// `answers` are given in turn, then 204.
  init(answers: [Answer] = []) {
    state.withLock { $0.answers = answers }
    let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
    self.listener = listener
    var one: Int32 = 1
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, 4)
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
    var length = socklen_t(MemoryLayout<sockaddr_in>.size)
    withUnsafeMutablePointer(to: &address) {
      $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        _ = bind(listener, $0, length)
        _ = getsockname(listener, $0, &length)
      }
    }
    port = UInt16(bigEndian: address.sin_port)
    listen(listener, 16)
    let thread = Thread { [self] in accept() }
    thread.start()
  }

  func close() {
    state.withLock { $0.isOpen = false }
    shutdown(listener, Int32(SHUT_RDWR))
    Glibc.close(listener)
  }

  var url: String { "http://127.0.0.1:\(port)/loki/api/v1/push" }
  var pushes: [Push] { state.withLock { $0.pushes } }

  var lineCount: Int {
    state.withLock { state in
      state.pushes.reduce(0) { sum, push in
        push.accepted ? sum + push.streams.reduce(0) { $0 + $1.count } : sum
      }
    }
  }

  /// Lines of accepted pushes with the labels of their streams, in the order received.
  var entries: [(labels: Labels, line: String)] {
    pushes.filter(\.accepted).flatMap(\.streams).flatMap { stream in
      (0..<stream.count).map {
        (stream.labels, String(decoding: stream.entry($0).line, as: UTF8.self))
      }
    }
  }

  var lines: [String] { entries.map(\.line) }

  private func accept() {
    while true {
      let descriptor = Glibc.accept(listener, nil, nil)
      guard descriptor >= 0, state.withLock({ $0.isOpen }) else { return }
      let thread = Thread { [self] in
        while serve(descriptor) {}
        Glibc.close(descriptor)
      }
      thread.start()
    }
  }

  private func serve(_ descriptor: Int32) -> Bool {
    var bytes: [UInt8] = []
    var headEnd: Int?
    var needed = Int.max
    var buffer = [UInt8](repeating: 0, count: 65536)
    while bytes.count < needed {
      let count = read(descriptor, &buffer, buffer.count)
      guard count > 0 else { return false }
      bytes += buffer[..<count]
      if headEnd == nil, let end = Data(bytes).range(of: Data("\r\n\r\n".utf8)) {
        headEnd = end.upperBound
        let head = String(decoding: bytes[..<end.upperBound], as: UTF8.self).lowercased()
        let length = head.split(separator: "\r\n").first { $0.hasPrefix("content-length:") }
        let value = length.flatMap { Int($0.dropFirst(15).trimmingCharacters(in: .whitespaces)) }
        needed = end.upperBound + (value ?? 0)
        if head.contains("expect: 100-continue") {
          write(descriptor, "HTTP/1.1 100 Continue\r\n\r\n")
        }
      }
    }
    guard let headEnd else { return false }
    return answer(
      descriptor, head: String(decoding: bytes[..<headEnd], as: UTF8.self),
      body: Array(bytes[headEnd...]))
  }

  private func answer(_ descriptor: Int32, head: String, body: [UInt8]) -> Bool {
    let answer = state.withLock { state in
      state.answers.isEmpty ? .status(204) : state.answers.removeFirst()
    }
    let tenant = head.split(separator: "\r\n")
      .first { $0.lowercased().hasPrefix("x-scope-orgid:") }
      .map { $0.dropFirst(14).trimmingCharacters(in: .whitespaces) }
    var accepted = false
    if case .status(let status, _, _) = answer { accepted = status < 300 }
    let decoded = try? LokiPushDecoder().decodeSnappy(body)
    state.withLock { state in
      state.pushes.append(
        Push(tenant: tenant, head: head, streams: decoded?.streams ?? [], accepted: accepted))
    }
    switch answer {
    case .status(let status, let headers, let body):
      write(
        descriptor,
        "HTTP/1.1 \(status) X\r\ncontent-length: \(body.utf8.count)\r\n\(headers)\r\n\(body)")
      return true
    case .hangUp: return false
    case .silence(let seconds):
      Thread.sleep(forTimeInterval: seconds)
      return false
    }
  }

  private func write(_ descriptor: Int32, _ text: String) {
    let bytes = Array(text.utf8)
    _ = Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
  }
}
