/// Where an input line came from, so that it can be read again after a crash.
///
/// A source is an open file or journal of this process; `start` counts bytes of a file or entries
/// of a journal. The pipeline keeps origins of the lines that it holds back (a multi-line block
/// that is not complete), and the agent stores them as positions that are still to be settled.
package struct LineOrigin: Hashable, Sendable, BitwiseCopyable {
  /// The source's number, unique over restarts of the agent.
  package var source: Int64
  /// Offset of the line's first byte in the file, or the running number of the journal entry.
  package var start: Int64
  /// Bytes of the line with its newline; 1 for a journal entry.
  package var length: Int32

  package init(source: Int64, start: Int64, length: Int32) {
    self.source = source
    self.start = start
    self.length = length
  }
}
