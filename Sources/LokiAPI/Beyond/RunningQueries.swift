import LogQuery
import Synchronization
import TelemetryModel
import WireFormats

/// The queries that run at this moment and have a name, for those who want to see how far they
/// are. Safe to share between threads.
final class RunningQueries: Sendable {
  private struct Key: Hashable {
    let tenants: [TenantID]
    let name: String
  }

  /// More names than this are not remembered.
  private static let countMax = 10_000
  private let running = Mutex<[Key: QueryProgress]>([:])

  func begin(_ name: String, _ tenants: [TenantID], _ progress: QueryProgress) {
    running.withLock { running in
      if running.count < Self.countMax {
        running[Key(tenants: tenants, name: name)] = progress
      }
    }
  }

  func end(_ name: String, _ tenants: [TenantID]) {
    running.withLock { $0[Key(tenants: tenants, name: name)] = nil }
  }

  func progress(_ name: String, _ tenants: [TenantID]) -> QueryProgress? {
    running.withLock { $0[Key(tenants: tenants, name: name)] }
  }
}

extension QueryService {
  /// `/query_progress`: how many bytes of lines the query with this `query_id` has done, of how
  /// many that are planned. 404 when it does not run.
  func queryProgress(_ request: QueryAPIRequest) throws -> QueryAPIResponse {
    let name = request.parameters["query_id"]
    guard let progress = running.progress(name, request.tenants) else {
      throw QueryAPIError("no query runs with this query_id", status: 404)
    }
    var json = JSONWriter()
    json.beginObject()
    json.key("bytesDone")
    json.int(Int64(progress.bytesDone))
    json.key("bytesPlanned")
    json.int(Int64(progress.bytesPlanned))
    json.endObject()
    return .json(json.bytes)
  }
}
