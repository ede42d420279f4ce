import Synchronization

@testable import CommandLineTool

/// An output that keeps what was written.
final class Recorded: TextOutput {
  let isTerminal: Bool
  let width: Int? = nil
  private let bytes = Mutex<[UInt8]>([])

  init(isTerminal: Bool = false) { self.isTerminal = isTerminal }

  func write(_ new: [UInt8]) { bytes.withLock { $0 += new } }

  var text: String { bytes.withLock { String(decoding: $0, as: UTF8.self) } }
}
