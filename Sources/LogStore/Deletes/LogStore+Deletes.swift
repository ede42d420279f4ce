import Storage
package import TelemetryModel

/// A request to delete lines, as the store keeps it.
package struct DeleteRequest: Hashable, Sendable {
  /// Names it when it is taken back.
  package var id: String
  package var tenant: TenantID
  /// A stream selector with line filters, as it was asked.
  package var query: String
  /// Times of the lines, both ends included.
  package var range: ClosedRange<Timestamp>
  package var created: Timestamp
  /// The lines are on no disk any more; it cannot be taken back.
  package var isProcessed: Bool
}

extension LogStore {
  /// Hides lines from all answers at once; they leave the disk after the cancel period.
  ///
  /// Holds for rows that are in the store now; what is pushed later stays. Durable when it returns.
  /// Throws ``LogStoreError/Code/badQuery`` for a query that is more than a selector with line
  /// filters over text, and `unavailable` when the head cannot be flushed.
  package func delete(tenant: TenantID, query: String, range: ClosedRange<Timestamp>)
    async throws(LogStoreError) -> DeleteRequest
  {
    _ = try RowDelete(tenant: tenant, query: query, range: range)
    return try await engine.delete(tenant: tenant, query: query, range: range)
  }

  /// The tenant's requests that were not taken back, the oldest first.
  package func deleteRequests(tenant: TenantID) -> [DeleteRequest] {
    engine.deleteRequests().filter { $0.tenant == tenant }
  }

  /// Takes a request back: its lines are seen again, as far as they are on disk still. False when
  /// the tenant has none with this id, or when it is processed.
  package func cancelDelete(tenant: TenantID, id: String) async throws(LogStoreError) -> Bool {
    guard let request = deleteRequests(tenant: tenant).first(where: { $0.id == id }) else {
      return false
    }
    return try await engine.cancelDelete(request)
  }
}

extension DeleteRequest {
  /// The number that the storage knows it by.
  var number: UInt64? { UInt64(id, radix: 16) }

  init?(_ tombstone: Tombstone) {
    guard let tenant = TenantID(tombstone.tenant) else { return nil }
    let digits = String(tombstone.number, radix: 16)
    self.init(
      id: String(repeating: "0", count: max(0, 8 - digits.utf8.count)) + digits, tenant: tenant,
      query: tombstone.query, range: tombstone.range, created: tombstone.created,
      isProcessed: tombstone.isProcessed)
  }
}
