import LinuxIO
package import TelemetryModel

/// Rows in memory alone; they cannot grow in number.
struct MemoryLogEngine: LogEngine {
  let head: LogHead

  func append(_ parts: [[UInt8]], apply: (LogHead) -> Void) async throws(LogStoreError) {
    throw LogStoreError(.closed, "rows in memory take no more")
  }

  func snapshot() -> LogSnapshot { LogSnapshot(heads: [head], segments: []) }
  func flush() async throws(LogStoreError) {}
  func close() async {}
}

extension LogStore {
  /// A store of just these rows, as they are, to be asked like any other.
  package static func holding(
    _ rows: [(tenant: TenantID, streams: [StreamRows])]
  ) -> LogStore {
    let head = LogHead(table: StreamTable())
    for part in rows { head.append(part.streams, tenant: part.tenant) }
    return LogStore(
      engine: MemoryLogEngine(head: head), limits: IntakeLimits(), clock: SystemClock())
  }
}
