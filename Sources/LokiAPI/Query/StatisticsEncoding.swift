import LogStore
import LogQuery
import WireFormats

extension JSONWriter {
  /// Loki's `stats`: the summary that Grafana shows, and where the rows came from.
  mutating func encode(_ statistics: QueryStatistics, seconds: Double) {
    let scan = statistics.scan
    beginObject()
    key("summary")
    beginObject()
    number("bytesProcessedPerSecond", rate(scan.lineBytes, seconds))
    number("linesProcessedPerSecond", rate(scan.lines, seconds))
    number("totalBytesProcessed", scan.lineBytes)
    number("totalLinesProcessed", scan.lines)
    key("execTime")
    double(seconds)
    key("queueTime")
    double(0)
    number("subqueries", 0)
    number("totalEntriesReturned", statistics.entriesReturned)
    number("splits", 0)
    number("shards", 0)
    number("totalPostFilterLines", statistics.linesPassed)
    number("totalStructuredMetadataBytesProcessed", 0)
    endObject()
    key("querier")
    store(scan.segmentsTouched, scan.blocksRead, scan.bytesInflated, scan.bytesRead, scan.lines)
    key("ingester")
    beginObject()
    number("totalReached", 1)
    number("totalChunksMatched", 0)
    number("totalBatches", 0)
    number("totalLinesSent", scan.headLines)
    key("store")
    storeBody(0, 0, 0, 0, scan.headLines)
    endObject()
    endObject()
  }

  private mutating func store(
    _ references: Int, _ chunks: Int, _ inflated: Int, _ compressed: Int, _ lines: Int
  ) {
    beginObject()
    key("store")
    storeBody(references, chunks, inflated, compressed, lines)
    endObject()
  }

  private mutating func storeBody(
    _ references: Int, _ chunks: Int, _ inflated: Int, _ compressed: Int, _ lines: Int
  ) {
    beginObject()
    number("totalChunksRef", references)
    number("totalChunksDownloaded", chunks)
    number("chunksDownloadTime", 0)
    key("chunk")
    beginObject()
    number("headChunkBytes", 0)
    number("headChunkLines", 0)
    number("decompressedBytes", inflated)
    number("decompressedLines", lines)
    number("compressedBytes", compressed)
    number("totalDuplicates", 0)
    endObject()
    endObject()
  }

  private mutating func number(_ name: String, _ value: Int) {
    key(name)
    int(Int64(value))
  }

  private func rate(_ count: Int, _ seconds: Double) -> Int {
    seconds > 0 && Double(count) / seconds < 9e18 ? Int(Double(count) / seconds) : 0
  }
}
