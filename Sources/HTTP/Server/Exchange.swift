/// One request and its response, as their connection sees them; lives on the connection's loop.
final class Exchange {
  enum Demand {
    case none
    /// Whatever came, or `nil` at the end.
    case chunk(UnsafeContinuation<Result<[UInt8]?, HTTPError>, Never>)
    /// The whole body, of this many bytes at most.
    case whole(Int, UnsafeContinuation<Result<[UInt8]?, HTTPError>, Never>)
  }

  enum Response {
    case none, streaming, ended
  }

  let id: Int32
  let isHead: Bool
  var task: Task<Void, Never>?

  // The request's body.
  var body: [UInt8] = []
  var bodyBytesTotal = 0
  var bodyLength: Int?
  var isBodyEnded = false
  var bodyFailure: HTTPError?
  var demand = Demand.none
  /// The handler wants the whole body, of this many bytes at most.
  var wholeBytesMax: Int?
  /// Bytes of gRPC's message prefix still to be taken off the body's front.
  var prefixBytesLeft = 0
  var prefix: [UInt8] = []
  var continueIsDue = false

  // The response.
  var response = Response.none
  var status = 0
  var writers: [UnsafeContinuation<Bool, Never>] = []
  var isHandlerDone = false
  var startedAt: UInt64 = 0

  private let budget: BodyBudget
  /// Bytes of the body that are counted in the budget: what waits, and a whole body until the
  /// exchange is over.
  private var charged = 0

  init(id: Int32, isHead: Bool, budget: BodyBudget) {
    self.id = id
    self.isHead = isHead
    self.budget = budget
  }

  deinit { budget.give(charged) }

  /// Counts bytes that came into the budget; false when the server holds too many.
  func charge(_ count: Int, bytesMax: Int) -> Bool {
    guard !isDiscarding else { return true }
    guard budget.take(count, bytesMax: bytesMax) else {
      body = []
      return false
    }
    charged += count
    return true
  }

  /// Whether the connection may take more of the body into memory.
  func mayBuffer(_ bufferedBytesMax: Int) -> Bool {
    if isDiscarding { return true }
    if wholeBytesMax != nil { return true }
    if case .chunk = demand { return true }
    return body.count < bufferedBytesMax
  }

  /// Nobody will read what still comes.
  var isDiscarding: Bool { response == .ended || bodyFailure != nil }

  /// Takes body bytes that lie elsewhere.
  func append(_ bytes: UnsafeRawBufferPointer) {
    var rest = bytes
    if prefixBytesLeft > 0 {
      let count = min(prefixBytesLeft, rest.count)
      prefix.append(contentsOf: rest[..<count])
      prefixBytesLeft -= count
      rest = UnsafeRawBufferPointer(rebasing: rest[count...])
      if prefixBytesLeft == 0, let length = messageLength { reserve(length) }
    }
    bodyBytesTotal += bytes.count
    guard !isDiscarding else { return }
    body.append(contentsOf: rest)
  }

  /// What gRPC's prefix promises.
  var messageLength: Int? {
    guard prefix.count == 5 else { return nil }
    return prefix[1...].reduce(0) { $0 << 8 | Int($1) }
  }

  /// Makes room for a promised length, but never for much that has not come.
  func reserve(_ length: Int) {
    body.reserveCapacity(min(length, Self.reserveBytesMax))
  }

  static let reserveBytesMax = 4 << 20

  /// Gives the handler what it waits for, where that is here.
  func serveDemand() {
    switch demand {
    case .none: return
    case .chunk(let continuation):
      if !body.isEmpty {
        demand = .none
        let gone = min(charged, body.count)
        charged -= gone
        budget.give(gone)
        continuation.resume(returning: .success(takeBody()))
      } else if let bodyFailure {
        demand = .none
        continuation.resume(returning: .failure(bodyFailure))
      } else if isBodyEnded {
        demand = .none
        continuation.resume(returning: .success(nil))
      }
    case .whole(let bytesMax, let continuation):
      if let bodyFailure {
        demand = .none
        continuation.resume(returning: .failure(bodyFailure))
      } else if body.count > bytesMax {
        let error = HTTPError.bodyTooLarge(bytesMax)
        bodyFailure = error
        body = []
        demand = .none
        continuation.resume(returning: .failure(error))
      } else if isBodyEnded {
        demand = .none
        continuation.resume(returning: .success(takeBody()))
      }
    }
  }

  private func takeBody() -> [UInt8] {
    let taken = body
    body = []
    return taken
  }

  func endBody() {
    isBodyEnded = true
    serveDemand()
  }

  func failBody(_ error: HTTPError) {
    guard !isBodyEnded, bodyFailure == nil else { return }
    bodyFailure = error
    serveDemand()
  }

  /// Lets suspended writers go on (`true`) or tells them that nobody takes their bytes.
  func resumeWriters(_ goesOn: Bool) {
    guard !writers.isEmpty else { return }
    let waiting = writers
    writers = []
    for writer in waiting { writer.resume(returning: goesOn) }
  }

  /// The connection or stream is gone: everybody who waits is told and the handler cancelled.
  func abandon() {
    failBody(.disconnected)
    response = .ended
    resumeWriters(false)
    if !isHandlerDone { task?.cancel() }
  }
}
