import LinuxIO
import Synchronization
import TelemetryModel

/// What all connections of one listener share.
final class Service: Sendable {
  let name: String
  let handler: HTTPHandler
  let limits: HTTPLimits
  let tls: TLSContext?
  let errorBody: ErrorBody
  let metrics: HTTPMetrics
  let log: Log
  private let census: Census
  private let dateCache = Mutex<(second: UInt64, text: [UInt8])>((0, []))

  init(
    name: String, handler: @escaping HTTPHandler, limits: HTTPLimits, tls: TLSContext?,
    errorBody: @escaping ErrorBody, metrics: HTTPMetrics, log: Log, census: Census
  ) {
    self.name = name
    self.handler = handler
    self.limits = limits
    self.tls = tls
    self.errorBody = errorBody
    self.metrics = metrics
    self.log = log
    self.census = census
  }

  /// Counts a request in; `false` where too many are under way.
  func requestBegan() -> Bool {
    guard census.requestBegan(max: limits.requestsInFlightMax) else { return false }
    metrics.inFlight.increment()
    return true
  }

  /// What all bodies of the server share.
  var bodies: BodyBudget { census.bodies }

  func requestEnded() {
    census.requestEnded()
    metrics.inFlight.decrement()
  }

  func connectionEnded(_ connection: Connection) {
    census.connectionEnded(connection)
    metrics.connections.decrement()
  }

  /// The Date field's value; RFC 9110, section 6.6.1. Made once a second.
  func date(_ now: MonotonicTime) -> [UInt8] {
    let second = now.nanoseconds / 1_000_000_000
    return dateCache.withLock { cache in
      if cache.second != second || cache.text.isEmpty {
        cache = (second, HTTPDate.now())
      }
      return cache.text
    }
  }
}

/// Connections and requests of the whole server, counted for its limits and its end.
final class Census: Sendable {
  enum Admission {
    case admitted, tooMany, tooManyOfAddress
  }

  private struct State {
    var connections: [ObjectIdentifier: Connection] = [:]
    var addresses: [SocketAddress: Int] = [:]
    var isClosed = false
  }

  private let state = Mutex(State())
  private let requests = Atomic<Int>(0)
  let bodies = BodyBudget()

  func admit(_ peer: SocketAddress, _ limits: HTTPLimits) -> Admission {
    state.withLock { state in
      guard !state.isClosed, state.connections.count < limits.connectionsMax else {
        return .tooMany
      }
      guard let key = peer.limitKey else { return .admitted }
      guard state.addresses[key, default: 0] < limits.connectionsPerAddressMax else {
        return .tooManyOfAddress
      }
      return .admitted
    }
  }

  func connectionBegan(_ connection: Connection) {
    state.withLock { state in
      state.connections[ObjectIdentifier(connection)] = connection
      if let key = connection.peer.limitKey { state.addresses[key, default: 0] += 1 }
    }
  }

  func connectionEnded(_ connection: Connection) {
    state.withLock { state in
      guard state.connections.removeValue(forKey: ObjectIdentifier(connection)) != nil,
        let key = connection.peer.limitKey
      else { return }
      let left = state.addresses[key, default: 1] - 1
      state.addresses[key] = left > 0 ? left : nil
    }
  }

  var connections: [Connection] { state.withLock { Array($0.connections.values) } }

  var connectionCount: Int { state.withLock { $0.connections.count } }

  /// From now on nothing is admitted.
  func close() { state.withLock { $0.isClosed = true } }

  func requestBegan(max requestsMax: Int) -> Bool {
    let (_, count) = requests.add(1, ordering: .relaxed)
    guard count <= requestsMax else {
      requests.subtract(1, ordering: .relaxed)
      return false
    }
    return true
  }

  func requestEnded() { requests.subtract(1, ordering: .relaxed) }
}
