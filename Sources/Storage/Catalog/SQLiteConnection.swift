import CSQLite
import LinuxIO

/// One open database; used by one thread at a time.
struct SQLiteConnection: ~Copyable {
  private let handle: OpaquePointer
  private let vfs: SQLiteFileSystem
  private let path: String

  init(_ path: String, _ vfs: SQLiteFileSystem) throws(StorageError) {
    self.path = path
    self.vfs = vfs
    var handle: OpaquePointer?
    let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX
    let code = sqlite3_open_v2(path, &handle, flags, vfs.name)
    guard code == SQLITE_OK, let handle else {
      sqlite3_close_v2(handle)
      throw Self.failure(code, "opening", path, vfs, text: nil)
    }
    self.handle = handle
    sqlite3_extended_result_codes(handle, 1)
    var reserved = Int32(SQLiteFileSystem.reservedBytes)
    sqlite3_file_control(handle, "main", SQLITE_FCNTL_RESERVE_BYTES, &reserved)
  }

  deinit { sqlite3_close_v2(handle) }

  /// A value of a statement.
  enum Value: Hashable {
    case null
    case integer(Int64)
    case text(String)

    var integer: Int64 { if case .integer(let value) = self { value } else { 0 } }
    var text: String? { if case .text(let value) = self { value } else { nil } }
  }

  /// Runs one statement with its parameters, and gives its rows.
  @discardableResult
  borrowing func run(_ sql: String, _ parameters: [Value] = []) throws(StorageError) -> [[Value]] {
    var statement: OpaquePointer?
    let code = sqlite3_prepare_v2(handle, sql, -1, &statement, nil)
    guard code == SQLITE_OK, let statement else { throw failure(code) }
    defer { sqlite3_finalize(statement) }
    for (index, value) in parameters.enumerated() {
      let position = Int32(index + 1)
      let bound =
        switch value {
        case .null: sqlite3_bind_null(statement, position)
        case .integer(let value): sqlite3_bind_int64(statement, position, value)
        case .text(let value):
          sqlite3_bind_text(
            statement, position, value, -1, unsafeBitCast(-1, to: sqlite3_destructor_type.self))
        }
      guard bound == SQLITE_OK else { throw failure(bound) }
    }
    var rows: [[Value]] = []
    while true {
      let code = sqlite3_step(statement)
      if code == SQLITE_DONE { return rows }
      guard code == SQLITE_ROW else { throw failure(code) }
      rows.append((0..<sqlite3_column_count(statement)).map { Self.column(statement, $0) })
    }
  }

  private static func column(_ statement: OpaquePointer, _ index: Int32) -> Value {
    switch sqlite3_column_type(statement, index) {
    case SQLITE_INTEGER: return .integer(sqlite3_column_int64(statement, index))
    case SQLITE_TEXT:
      let count = Int(sqlite3_column_bytes(statement, index))
      let bytes = UnsafeRawBufferPointer(
        start: sqlite3_column_text(statement, index), count: count)
      return .text(String(decoding: bytes, as: UTF8.self))
    default: return .null
    }
  }

  private borrowing func failure(_ code: Int32) -> StorageError {
    let text = sqlite3_errmsg(handle).map { String(cString: $0) }
    return Self.failure(code, "using", path, vfs, text: text)
  }

  private static func failure(
    _ code: Int32, _ doing: String, _ path: String, _ vfs: SQLiteFileSystem, text: String?
  ) -> StorageError {
    let text = text ?? sqlite3_errstr(code).map { String(cString: $0) } ?? "error \(code)"
    let cause = vfs.takeFailure()
    switch code & 0xff {
    case SQLITE_CORRUPT, SQLITE_NOTADB: return .corrupt(text, path: path, offset: 0)
    default: break
    }
    switch cause {
    case .damaged(let path, let offset):
      return .corrupt("a page of the catalog fails its checksum", path: path, offset: offset)
    case .system(let error): return StorageError(error, while: "\(doing) the catalog")
    case nil:
      return StorageError(
        code & 0xff == SQLITE_FULL ? .diskFull : .system, "\(doing) the catalog \(path): \(text)",
        path: path)
    }
  }
}
