import TelemetryModel

/// What keeps heads, segments and the write-ahead log: the storage engine, or memory in tests.
protocol LogEngine: Sendable {
  /// Makes the parts durable as one record, then runs `apply` on the head of that moment.
  func append(_ parts: [[UInt8]], apply: (LogHead) -> Void) async throws(LogStoreError)
  /// All that is durable, each row in one place. Cheap.
  func snapshot() -> LogSnapshot
  /// Returns when everything appended before is in segments.
  func flush() async throws(LogStoreError)
  func close() async
  /// Hides rows that are in the engine now, durably; see ``LogStore/delete(tenant:query:range:)``.
  func delete(tenant: TenantID, query: String, range: ClosedRange<Timestamp>)
    async throws(LogStoreError) -> DeleteRequest
  /// All that were not taken back, the oldest first.
  func deleteRequests() -> [DeleteRequest]
  /// False when there is none, or when it is processed.
  func cancelDelete(_ request: DeleteRequest) async throws(LogStoreError) -> Bool
  /// Puts rules of single tenants in place of those that were there before.
  func setRetention(_ own: [TenantID: StreamRetention])
  /// Makes a store of its own with all rows in a folder on the same file system.
  func copyByLinks(to folder: String) async throws(LogStoreError)
}

/// An engine that keeps nothing on disk has nothing to delete or to copy.
extension LogEngine {
  func delete(tenant: TenantID, query: String, range: ClosedRange<Timestamp>)
    async throws(LogStoreError) -> DeleteRequest
  {
    throw LogStoreError(.unavailable, "this store takes no delete requests")
  }

  func deleteRequests() -> [DeleteRequest] { [] }

  func setRetention(_ own: [TenantID: StreamRetention]) {}

  func cancelDelete(_ request: DeleteRequest) async throws(LogStoreError) -> Bool { false }

  func copyByLinks(to folder: String) async throws(LogStoreError) {
    throw LogStoreError(.unavailable, "this store is not on disk")
  }
}
