import HTTP
import LinuxIO
import LogStore
import SpanStore
import Synchronization
import TelemetryModel
import WireFormats

/// `POST /sluice/api/v1/snapshot`: a copy of both stores by hard links, in the data folder itself.
///
/// Nobody who asks chooses the place: that would let them write where the server may.
struct SnapshotRoute: Sendable {
  static let path = "/sluice/api/v1/snapshot"
  /// More are refused until some are moved away or removed.
  static let countMax = 100

  let dataFolder: String
  let logs: LogStore
  let spans: SpanStore
  let executor: BlockingExecutor
  let clock: any WallClock

  func add(to router: inout Router) {
    router.on(.post, SnapshotRoute.path) { [self] _, writer in
      let path = try await make()
      var json = JSONWriter()
      json.beginObject()
      json.key("path")
      json.string(path)
      json.endObject()
      try await writer.respond(.ok, contentType: "application/json", body: json.bytes)
    }
  }

  /// The folder that was made: named once all of it is durable.
  private func make() async throws -> String {
    let files = RealFileSystem()
    let folder = "\(dataFolder)/snapshots"
    let name = "\(clock.now())"
    let unfinished = "\(folder)/\(name).unfinished"
    do {
      try await executor.run {
        try files.createFolders(folder)
        guard try files.list(folder).count < Self.countMax else {
          throw HTTPError(
            status: .tooManyRequests, "there are \(Self.countMax) copies in \(folder) already")
        }
        try files.createFolder(unfinished)
      }
      try await logs.copyByLinks(to: "\(unfinished)/logs")
      try await spans.copyByLinks(to: "\(unfinished)/spans")
      try await executor.run {
        try files.syncFolder(unfinished)
        try files.rename(unfinished, to: "\(folder)/\(name)")
        try files.syncFolder(folder)
      }
    } catch let error as LogStoreError {
      throw HTTPError(status: HTTPStatus(error.status), error.message)
    } catch let error as SpanStoreError {
      throw HTTPError(status: .serviceUnavailable, error.message)
    } catch let error as SystemError {
      throw HTTPError(status: .internalServerError, error.message)
    }
    return (try? WorkingFolder.absolute("\(folder)/\(name)")) ?? "\(folder)/\(name)"
  }
}
