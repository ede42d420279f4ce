import Foundation
import LinuxIO
import Storage
import TelemetryModel
import TestSupport
import Testing
import WireFormats

@testable import LogStore

@Suite struct LogStoreOnDiskTests {
  typealias Row = NaiveLogModel.Row

  private let folder = FileManager.default.temporaryDirectory
    .appending(path: "sluice-logstore-\(UUID().uuidString)").path

  private func open(headBytes: Int = 48 << 20) async throws -> LogStore {
    var storage = StorageConfiguration(name: "logs", folder: folder, kind: .logs)
    storage.headBytesFlush = headBytes
    storage.freeBytesMin = 0
    return try await LogStore.open(storage, limits: .asTheyCome)
  }

  private func rows(_ scan: LogScan, _ store: LogStore) throws -> Set<Row> {
    var found: Set<Row> = []
    _ = try store.scan(scan) { batch in
      for run in batch.runs {
        for index in run.rows {
          let line = batch.withLine(index) { Array($0) }
          guard scan.requiredLiterals.allSatisfy({ NaiveLogModel.contains(line, $0) }) else {
            continue
          }
          let row = Row(
            tenant: run.stream.tenant, labels: run.stream.labels,
            entry: LogEntry(
              timestamp: batch.timestamps[index], line: line,
              structuredMetadata: batch.metadata(index)))
          #expect(found.insert(row).inserted, "\(row) came twice")
        }
      }
      return .proceed
    }
    return found
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func agreesWithTheModelOverFlushAndReopen(_ seed: UInt64) async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var logs = RandomLogs(numbers: RandomSource(seed: seed))
    var model = NaiveLogModel()
    var store = try await open()
    for _ in 0..<60 {
      let tenant = RandomLogs.tenants.randomElement(using: &logs.numbers) ?? .single
      let streams = logs.streams()
      model.append(tenant, streams)
      let body = LokiPushEncoder.encode(streams)
      // Both ways in: the body as it came, and rows alone.
      let push =
        Bool.random(using: &logs.numbers)
        ? LogPush(
          tenant: tenant, body: body, content: try LokiPushDecoder().decodeSnappy(body))
        : LogPush(tenant: tenant, streams: streams)
      try await store.append(push)
      switch Int.random(in: 0..<15, using: &logs.numbers) {
      case 0: try await store.flush()
      case 1:
        await store.close()
        store = try await open()
      default: break
      }
      let scan = logs.scan()
      #expect(try rows(scan, store) == model.scan(scan))
    }
    await store.close()
  }

  @Test func aDamagedByteInASegmentIsNamedAndTheRestAnswers() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    var store = try await open()
    var rows = StreamRows(labels: ["app": "api"])
    for row in 0..<5000 {
      rows.append(
        LogEntry(
          timestamp: Timestamp(nanoseconds: Int64(row)),
          line: Array("row \(row) ".utf8) + [UInt8](repeating: 0x62, count: 1000)))
    }
    try await store.append(LogPush(tenant: .single, streams: [rows]))
    try await store.flush()
    await store.close()
    let files = try FileManager.default.subpathsOfDirectory(atPath: folder)
    let name = try #require(files.first { $0.contains("segments/") })
    let path = folder + "/" + name
    var bytes = try Data(contentsOf: URL(filePath: path))
    // In the first block.
    bytes[64] ^= 0x40
    try bytes.write(to: URL(filePath: path))
    store = try await open()
    let scan = LogScan(
      tenants: [.single], matchers: [], range: .zero..<Timestamp(seconds: 1))
    var count = 0
    let statistics = try store.scan(scan) { batch in
      count += batch.count
      return .proceed
    }
    #expect(count > 0 && count < 5000)
    #expect(statistics.warnings.count == 1)
    #expect(statistics.warnings.first?.contains("segments/") == true)
    await store.close()
  }

  @Test func aFolderInUseIsRefusedWithTheHolder() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try await open()
    let error = await #expect(throws: LogStoreError.self) { try await open() }
    #expect(error?.message.contains("\(ProcessInfo.processInfo.processIdentifier)") == true)
    await store.close()
  }

  @Test func ingestGoesOnWhileHeadsAreFlushedAndScanned() async throws {
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let store = try await open(headBytes: 1 << 20)
    let pushes = 60
    try await withThrowingTaskGroup(of: Void.self) { group in
      for worker in 0..<3 {
        group.addTask {
          for push in 0..<pushes {
            var rows = StreamRows(labels: ["worker": "\(worker)"])
            for row in 0..<100 {
              rows.append(
                LogEntry(
                  timestamp: Timestamp(nanoseconds: Int64(push * 100 + row)),
                  line: Array("line \(push) \(row)".utf8) + [UInt8](repeating: 0x63, count: 400)))
            }
            try await store.append(LogPush(tenant: .single, streams: [rows]))
          }
        }
      }
      group.addTask {
        let scan = LogScan(
          tenants: [.single], matchers: [], range: .zero..<Timestamp(seconds: 1))
        var before = 0
        for _ in 0..<20 {
          var count = 0
          _ = try store.scan(scan) { batch in
            count += batch.count
            return .proceed
          }
          #expect(count >= before)
          before = count
          await Task.yield()
        }
      }
      try await group.waitForAll()
    }
    let scan = LogScan(
      tenants: [.single], matchers: [], range: .zero..<Timestamp(seconds: 1))
    #expect(try rows(scan, store).count == 3 * pushes * 100)
    await store.close()
  }
}
