import TelemetryModel

/// Where lines and metadata come from when they are asked for; used by one thread at a time.
protocol LineSource: AnyObject {
  /// Appends the line of row `row` of the source.
  func appendLine(_ row: Int, to out: inout [UInt8]) throws(LogStoreError)
  /// The length of that line.
  func lineLength(_ row: Int) throws(LogStoreError) -> Int
  /// The structured metadata of row `row` of the source.
  func metadata(_ row: Int) throws(LogStoreError) -> [Label]
}

/// Lines and metadata of a batch that are made when a visitor asks for them, who is not to be
/// bothered with what cannot be read: it is kept, and the scan fails once the visit is over.
final class LazyRows {
  private let source: any LineSource
  private var scratch: [UInt8] = []
  /// Lines that were made so far.
  private(set) var renderedCount = 0
  /// The first thing that could not be read.
  private(set) var failure: LogStoreError?

  init(_ source: any LineSource) { self.source = source }

  /// The line of row `row` of the source; empty when it cannot be read.
  func line(_ row: Int) -> [UInt8] {
    // The memory is taken and given back, so that it is not copied as long as nobody else has it.
    var line = scratch
    scratch = []
    line.removeAll(keepingCapacity: true)
    do throws(LogStoreError) {
      try source.appendLine(row, to: &line)
    } catch {
      line.removeAll(keepingCapacity: true)
      note(error)
    }
    renderedCount += 1
    scratch = line
    return line
  }

  /// 0 when it cannot be read.
  func lineLength(_ row: Int) -> Int {
    do throws(LogStoreError) { return try source.lineLength(row) } catch { note(error) }
    return 0
  }

  /// Empty when it cannot be read.
  func metadata(_ row: Int) -> [Label] {
    do throws(LogStoreError) { return try source.metadata(row) } catch { note(error) }
    return []
  }

  private func note(_ error: LogStoreError) { if failure == nil { failure = error } }
}
