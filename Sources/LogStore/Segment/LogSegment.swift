/// Where a segment's pages come from: a file of the storage engine, or memory in tests. Pages
/// come checked: one whose checksum is wrong throws ``LogStoreError/Code/corrupt``.
protocol SegmentPages: Sendable {
  /// What messages call it, such as the file's path.
  var name: String { get }
  func page(_ number: Int) throws(LogStoreError) -> [UInt8]
  /// Bytes of the page.
  func byteCount(of number: Int) throws(LogStoreError) -> Int
  /// A part of a page; it may be taken on trust when the page was checked a short while ago.
  func part(of number: Int, _ range: Range<Int>) throws(LogStoreError) -> [UInt8]
}

/// An immutable segment that is open for questions. Safe to use from several threads.
struct LogSegment: Sendable {
  let index: SegmentIndex
  let pages: any SegmentPages
  /// Deletes whose rows are to be left out.
  var deletes = StreamDeletes.none
  /// How much of a page is read before more is asked of it: most often all but its streams.
  var beginningByteCount = 1 << 14

  /// What the column blocks share, read when it is not kept; nil in segments without such blocks.
  func columns() throws(LogStoreError) -> SegmentColumns? {
    guard let number = index.columnsPage else { return nil }
    return try ColumnIndexCache.shared.columns(index.columns) {
      () throws(LogStoreError) -> SegmentColumns in
      do throws(LogStoreError) {
        return try SegmentColumns(try pages.page(number))
      } catch {
        guard error.code == .corrupt, !error.message.hasPrefix(pages.name) else { throw error }
        throw LogStoreError(.corrupt, "\(pages.name), page \(number): \(error.message)")
      }
    }
  }

  /// The block of `entry`; throws ``LogStoreError/Code/corrupt``, with the segment's and the
  /// page's name, when it is damaged. With `inParts` only what is asked of the block is read.
  func block(_ entry: BlockEntry, inParts: Bool = false) throws(LogStoreError) -> any LogBlock {
    do throws(LogStoreError) {
      let block = try open(entry.page, inParts)
      guard block.runs.map(\.stream) == entry.runs.map(\.stream),
        block.runs.map(\.count) == entry.runs.map(\.rowCount)
      else { throw BlockReader.malformed("it holds other rows than the stream index says") }
      return block
    } catch { throw named(error, entry) }
  }

  private func open(_ number: Int, _ inParts: Bool) throws(LogStoreError) -> any LogBlock {
    if inParts, index.columnsPage != nil {
      let count = try pages.byteCount(of: number)
      let beginning = try pages.part(of: number, 0..<min(count, beginningByteCount))
      // Where the beginning is longer it looks malformed: then the page is read whole.
      if let block = try? LogBlocks.open(PageBytes(beginning, of: number, count, pages), columns) {
        return block
      }
    }
    return try LogBlocks.open(PageBytes(try pages.page(number)), columns)
  }

  /// What is wrong with a block of which a part could not be read; its page is read as a whole, so
  /// that it is known from now on when it is damaged.
  func confirmed(_ error: LogStoreError, _ entry: BlockEntry) -> LogStoreError {
    do throws(LogStoreError) {
      _ = try pages.page(entry.page)
    } catch { return named(error, entry) }
    return named(error, entry)
  }

  /// `error` with the place and what is missing for it.
  func named(_ error: LogStoreError, _ entry: BlockEntry) -> LogStoreError {
    guard error.code == .corrupt else { return error }
    // Errors of the storage engine begin with the file.
    let place = error.message.hasPrefix(pages.name) ? "" : "\(pages.name), page \(entry.page): "
    return LogStoreError(
      .corrupt,
      "\(place)\(error.message); set aside, its \(entry.rowCount) rows are missing from the answer")
  }
}
