/// What a command sees of the world; tests pass their own.
struct Surroundings: Sendable {
  var output: any TextOutput
  var errors: any TextOutput
  var environment: [String: String]
  /// Nanoseconds since 1970.
  var now: @Sendable () -> Int64
}

/// Where a command writes.
protocol TextOutput: Sendable {
  /// Whether a person's terminal is at the other end.
  var isTerminal: Bool { get }
  /// Columns of the terminal, or nil.
  var width: Int? { get }
  func write(_ bytes: [UInt8])
}

extension TextOutput {
  func write(_ text: String) { write(Array(text.utf8)) }
}
