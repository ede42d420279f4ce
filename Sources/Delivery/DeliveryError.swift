package import LinuxIO

/// Why delivery could not be set up or go on.
package enum DeliveryError: Error, Hashable {
  /// The queue's folder is in use by another agent.
  case queueInUse(folder: String, processID: Int32?)
  /// The system refused a file of the queue.
  case system(SystemError)
  /// The queue was closed while somebody waited for room in it.
  case closed
  /// A client's settings that cannot be followed: of which client, and why.
  case client(name: String, reason: String)

  /// What happened, to what, and what to do about it.
  package var message: String {
    switch self {
    case .queueInUse(let folder, let processID):
      "the queue \(folder) is in use"
        + (processID.map { " by process \($0)" } ?? " by another process")
        + "; stop that agent, or give this one another positions file or queue folder"
    case .system(let error): error.message
    case .closed: "the queue is closed; the agent is stopping"
    case .client(let name, let reason): "client \(name): \(reason)"
    }
  }
}
