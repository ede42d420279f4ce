package import LinuxIO

/// Why stored data could not be read or kept.
package struct StorageError: Error, Hashable, CustomStringConvertible {
  package enum Code: String, Hashable, Sendable {
    /// Bytes on disk are not what was written; `path` and `offset` say where.
    case corrupt
    /// The operating system refused a call.
    case system
    /// The disk is full or below its reserve; appends work again by themselves once it is not.
    case diskFull
    /// Another process uses the data folder.
    case inUse
    /// The store is closed or is being closed.
    case closed
    /// More is asked than can be taken now; try again later.
    case overloaded
    /// A file was written by another version of the program.
    case unknownVersion
    /// One record or page is over its limit.
    case tooLarge
  }

  package var code: Code
  /// What happened, to what, and what to do.
  package var message: String
  package var path: String?
  /// Where in the file, in bytes.
  package var offset: Int64?

  package init(_ code: Code, _ message: String, path: String? = nil, offset: Int64? = nil) {
    self.code = code
    self.message = message
    self.path = path
    self.offset = offset
  }

  package init(_ error: SystemError, while doing: String) {
    let advice = error.isDiskFull ? "; free space on the disk, writing resumes by itself" : ""
    self.init(
      error.isDiskFull ? .diskFull : .system, "\(doing): \(error.message)\(advice)",
      path: error.path)
  }

  static func corrupt(_ what: String, path: String, offset: Int64) -> StorageError {
    StorageError(
      .corrupt, "\(path) is damaged at byte \(offset): \(what)", path: path, offset: offset)
  }

  package var description: String { message }
}

/// Runs `body` and says what was being done when a system call fails.
@inline(__always)
func storing<Result: ~Copyable>(
  _ doing: @autoclosure () -> String, _ body: () throws(SystemError) -> Result
) throws(StorageError) -> Result {
  do throws(SystemError) {
    return try body()
  } catch {
    throw StorageError(error, while: doing())
  }
}

/// Damage that was found and worked around.
package struct StorageFinding: Hashable, Sendable, CustomStringConvertible {
  package enum Kind: String, Hashable, Sendable {
    /// Bytes after the last whole record of the WAL: what a power cut leaves, or damage in
    /// records that nobody was told were durable.
    case tornTail
    /// Bytes that were durable have changed.
    case corrupt
    /// A file that the catalog names is not there.
    case missing
  }

  package var kind: Kind
  package var path: String
  package var offset: Int64
  package var detail: String

  package init(_ kind: Kind, path: String, offset: Int64, _ detail: String) {
    self.kind = kind
    self.path = path
    self.offset = offset
    self.detail = detail
  }

  package var description: String { "\(path) at byte \(offset): \(detail)" }
}
