/// What keeps heads, segments and the write-ahead log: the storage engine, or memory in tests.
protocol LogEngine: Sendable {
  /// Makes the parts durable as one record, then runs `apply` on the head of that moment.
  func append(_ parts: [[UInt8]], apply: (LogHead) -> Void) async throws(LogStoreError)
  /// All that is durable, each row in one place. Cheap.
  func snapshot() -> LogSnapshot
  /// Returns when everything appended before is in segments.
  func flush() async throws(LogStoreError)
  func close() async
}
