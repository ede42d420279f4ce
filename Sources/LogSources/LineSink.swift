/// Takes the lines that a source reads, on the source's thread.
package protocol LineSink: AnyObject {
  /// One line without its newline (and without a carriage return before it).
  ///
  /// The bytes are valid during the call only. `path` is the absolute path under which the file
  /// was first seen. The line is taken in any case; false says that no more are wanted for now.
  func take(line: UnsafeRawBufferPointer, path: String, target: Int, origin: LineOrigin) -> Bool
}
