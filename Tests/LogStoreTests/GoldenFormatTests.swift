import Foundation
import TelemetryModel
import Testing
import WireFormats

@testable import LogStore

/// Pages and records of version 1, made by another program after docs/formats/log-segment.md.
@Suite struct GoldenFormatTests {
  private static let rows = BlockRows(
    runs: [BlockRows.Run(stream: 0, count: 2), BlockRows.Run(stream: 1, count: 1)],
    timestamps: [1_000_000, 3_000_000, 2_000_000].map { Timestamp(nanoseconds: $0) },
    lineBytes: Array("onetwo".utf8), lineEnds: [3, 6, 6],
    structuredMetadata: [[], [Label("k", "v")], []])

  private static let block =
    "AQMGAgACAQEMgIl6wIQ9AQADAAQBBgEAAwMDAAgABm9uZXR3bxACBgAGAAEBawF2AQADAAEA"
  /// Of version 1, which is still read, and of the present one.
  private static let indexes = [
    "ARsAGwEEZmFrZQEDYXBwA2FwaQEAAQABAAYBAAIKBA==",
    "Ah0AHQEEZmFrZQEDYXBwA2FwaQEAAQABAAYBAAIKBAAA",
  ]
  private static let record =
    "AQMqAAAAAAAAAARmYWtlGmQKGAoLe2FwcD0iYXBpIn0SCQoCEAESA29uZQ=="

  private func bytes(_ base64: String) throws -> [UInt8] {
    Array(try #require(Data(base64Encoded: base64)))
  }

  @Test func blocks() throws {
    let block = try PlainBlock(try bytes(Self.block))
    #expect(block.runs.map(\.stream) == [0, 1])
    #expect(try block.timestamps() == Self.rows.timestamps)
    #expect(try block.lines().bytes == Self.rows.lineBytes)
    #expect(try block.lines().ends == Self.rows.lineEnds)
    #expect(try block.structuredMetadata() == Self.rows.structuredMetadata)
    #expect(Data(PlainBlock.encode(Self.rows)).base64EncodedString() == Self.block)
  }

  @Test func streamIndexes() throws {
    let table = StreamTable()
    let stream = table.reference(StreamKey(tenant: .single, labels: ["app": "api"]))
    let run = BlockEntry.Run(
      stream: 0, rowCount: 2, oldest: Timestamp(nanoseconds: 5), newest: Timestamp(nanoseconds: 9))
    let made = SegmentIndex(
      streams: [stream], blocks: [BlockEntry(page: 0, lineByteCount: 6, runs: [run])])
    #expect(Data(made.encode()).base64EncodedString() == Self.indexes.last)
    for index in Self.indexes {
      let read = try SegmentIndex.decode(try bytes(index), table)
      #expect(read.streams == [stream])
      #expect(read.oldest == run.oldest && read.newest == run.newest)
      #expect(read.blocks.map(\.lineByteCount) == [6])
      #expect(read.columnsPage == nil && read.filtersPage == nil)
    }
  }

  @Test func pushRecords() throws {
    let read = try PushRecord.decode(try bytes(Self.record), LokiPushDecoder())
    #expect(read.tenant == .single)
    #expect(read.received == Timestamp(nanoseconds: 42))
    #expect(read.streams.map(\.labels) == [["app": "api", "service_name": "api"]])
    #expect(
      read.streams.first?.entry(0)
        == LogEntry(
          timestamp: Timestamp(nanoseconds: 1), line: Array("one".utf8),
          structuredMetadata: [Label("detected_level", "unknown")]))
  }
}
