import Storage
import TelemetryModel
import WireFormats

/// Pages of a log segment, by their type in the file.
enum LogPageType {
  static let block: UInt16 = 1
  static let streamIndex: UInt16 = 2
}

extension LogHead: StoreHead {
  func replay(_ record: WALRecord) throws(StorageError) {
    guard record.kind == PushRecord.kind else {
      throw StorageError(
        .corrupt, "a record of kind \(record.kind) is not known to this version")
    }
    do throws(LogStoreError) {
      let push = try PushRecord.decode(record.payload, decoder)
      append(push.streams, tenant: push.tenant)
    } catch { throw StorageError(.corrupt, error.message) }
  }

  /// Writes all rows as one segment: blocks, then the stream index.
  func write(to output: SegmentOutput) throws(StorageError) {
    let writer = try output.begin()
    var builder = SegmentBuilder()
    var failure: StorageError?
    do throws(LogStoreError) {
      let index = try builder.write(allStreams()) { (page) throws(LogStoreError) in
        do throws(StorageError) {
          return try writer.append(LogPageType.block, page)
        } catch {
          failure = error
          throw LogStoreError(error)
        }
      }
      guard builder.rowCount > 0 else { return }
      let page = index.encode()
      do throws(StorageError) {
        _ = try writer.append(LogPageType.streamIndex, page)
      } catch {
        failure = error
        throw LogStoreError(error)
      }
      writer.finish(
        SegmentSummary(
          oldest: index.oldest, newest: index.newest, rowCount: builder.rowCount,
          rawByteCount: builder.lineByteCount))
    } catch { throw failure ?? StorageError(.corrupt, error.message) }
  }
}

extension LogStoreError {
  init(_ error: StorageError) {
    switch error.code {
    case .corrupt: self.init(.corrupt, error.message)
    case .diskFull, .overloaded: self.init(.unavailable, error.message)
    case .closed, .inUse: self.init(.closed, error.message)
    case .tooLarge: self.init(.refused, error.message, status: 413)
    default: self.init(.system, error.message)
    }
  }
}
