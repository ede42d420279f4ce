package import LinuxIO
import Synchronization
import TelemetryModel
package import WireFormats

/// What a receiver took and one reading thread is to make lines of.
package struct Received: Sendable {
  package enum Content: Sendable {
    /// One message or line.
    case message([UInt8])
    /// A decoded push body.
    case push(LokiPush)
    /// Lines, each with its newline, as one body.
    case lines([UInt8])
  }

  package var content: Content
  /// Who sent it; an empty path for nobody in particular.
  package var peer: SocketAddress
  /// `X-Scope-OrgID` of the request that brought it, or empty.
  package var tenant: String
  /// Told once, on any thread: true when the lines are durable, false when they are lost.
  package var isSettled: (@Sendable (Bool) -> Void)?

  package init(
    _ content: Content, peer: SocketAddress = .unix(path: ""), tenant: String = "",
    isSettled: (@Sendable (Bool) -> Void)? = nil
  ) {
    self.content = content
    self.peer = peer
    self.tenant = tenant
    self.isSettled = isSettled
  }

  var byteCount: Int {
    switch content {
    case .message(let bytes), .lines(let bytes): bytes.count + 64
    case .push(let push): push.streams.reduce(64) { $0 + $1.lineBytes.count + 24 * $1.count }
    }
  }
}

/// Between the threads that receive and the one that reads: bounded by bytes.
///
/// One that is above its bound takes nothing more: streams stop reading until there is room again,
/// datagrams are dropped and counted.
package final class ReceiverInbox: Sendable {
  private struct State {
    var items: [Received] = []
    var bytes = 0
    var blocked: [@Sendable () -> Void] = []
    var isClosed = false
    var isEnded = false
    var droppedMessages: UInt64 = 0
    var malformedMessages: UInt64 = 0
  }

  private let bytesMax: Int
  private let signal: ThreadSignal
  private let state = Mutex(State())

  /// `signal` wakes the reading thread.
  package init(signal: ThreadSignal, bytesMax: Int = 8 << 20) {
    self.signal = signal
    self.bytesMax = bytesMax
  }

  /// Takes an item; false when there is no room or the agent ends, and then it counts for nothing.
  ///
  /// What was read already is taken beyond the bound too: it is one read's bytes at most.
  package func offer(_ item: Received, isReadAlready: Bool = false) -> Bool {
    let (isTaken, isFirst) = state.withLock { state in
      guard !state.isClosed, isReadAlready || state.bytes < bytesMax else {
        return (false, false)
      }
      state.items.append(item)
      state.bytes += item.byteCount
      return (true, state.items.count == 1)
    }
    if isFirst { signal.set() }
    return isTaken
  }

  /// Whether it takes more; if not, `whenRoom` is called once it does, or the agent ends.
  package func hasRoom(orCall whenRoom: @escaping @Sendable () -> Void) -> Bool {
    state.withLock { state in
      if state.isClosed || state.bytes < bytesMax { return true }
      state.blocked.append(whenRoom)
      return false
    }
  }

  /// Counts a datagram that there was no room for.
  package func countDropped() { state.withLock { $0.droppedMessages += 1 } }
  /// Counts messages that could not be told apart.
  package func countMalformed(_ count: Int = 1) {
    state.withLock { $0.malformedMessages += UInt64(count) }
  }

  /// Says that no more will come.
  package func end() {
    state.withLock { $0.isEnded = true }
    signal.set()
  }

  // MARK: The reading thread's side

  /// All that waits.
  package func take() -> [Received] {
    let (items, blocked) = state.withLock { state in
      defer {
        state.items = []
        state.bytes = 0
        state.blocked = []
      }
      return (state.items, state.blocked)
    }
    for call in blocked { call() }
    return items
  }

  package var isEnded: Bool { state.withLock { $0.isEnded && $0.items.isEmpty } }
  package var droppedMessages: UInt64 { state.withLock { $0.droppedMessages } }
  package var malformedMessages: UInt64 { state.withLock { $0.malformedMessages } }

  /// Takes nothing more; what waits is lost, and its senders are told.
  package func close() {
    let (items, blocked) = state.withLock { state in
      state.isClosed = true
      defer {
        state.items = []
        state.blocked = []
      }
      return (state.items, state.blocked)
    }
    for item in items { item.isSettled?(false) }
    for call in blocked { call() }
  }
}
