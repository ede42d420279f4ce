import Bytes
import CMaxMindDB

/// A database of addresses in MaxMind's format, mapped into memory by libmaxminddb.
///
/// A new version must be put in place by renaming, as MaxMind's own updater does: whoever
/// overwrites a mapped file takes its pages away.
final class MaxMindDatabase {
  struct Failure: Error { let message: String }

  /// `GeoLite2-City` and the like.
  let type: String
  private let handle: UnsafeMutablePointer<MMDB_s>

  init(path: String) throws(Failure) {
    handle = .allocate(capacity: 1)
    handle.initialize(to: MMDB_s())
    let status = MMDB_open(path, UInt32(MMDB_MODE_MMAP), handle)
    guard status == MMDB_SUCCESS else {
      handle.deallocate()
      throw Failure(message: String(cString: MMDB_strerror(status)))
    }
    type = handle.pointee.metadata.database_type.map { String(cString: $0) } ?? ""
  }

  deinit {
    MMDB_close(handle)
    handle.deallocate()
  }

  /// The record of an address: `192.0.2.1`, `2001:db8::1`. nil when the text is no address or
  /// the database has nothing about it.
  func record(of address: String) -> MaxMindRecord? {
    guard MaxMindDatabase.isAddress(address) else { return nil }
    var resolved: Int32 = 0
    var status: Int32 = 0
    let result = MMDB_lookup_string(handle, address, &resolved, &status)
    guard resolved == 0, status == MMDB_SUCCESS, result.found_entry else { return nil }
    return MaxMindRecord(database: self, entry: result.entry)
  }

  /// Digits, points and colons alone, so that no name is ever looked up.
  private static func isAddress(_ text: String) -> Bool {
    guard (2...45).contains(text.utf8.count) else { return false }
    var hasSeparator = false
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "."), UInt8(ascii: ":"): hasSeparator = true
      case 0x30...0x39, 0x41...0x46, 0x61...0x66: break
      default: return false
      }
    }
    guard !text.utf8.contains(UInt8(ascii: ":")) else { return true }
    // Four numbers without leading zeros, as Go reads addresses.
    let parts = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    return hasSeparator && parts.count == 4
      && parts.allSatisfy { part in
        guard let number = Int(Substring(part)), (0...255).contains(number) else { return false }
        return part.count == String(number).utf8.count
      }
  }
}

/// What a database says about one address.
struct MaxMindRecord {
  let database: MaxMindDatabase
  fileprivate var entry: MMDB_entry_s

  fileprivate init(database: MaxMindDatabase, entry: MMDB_entry_s) {
    self.database = database
    self.entry = entry
  }

  /// The text at a path of names and indexes; nil when there is none.
  func text(_ path: [String]) -> String? {
    guard let data = data(path), data.type == UInt32(MMDB_DATA_TYPE_UTF8_STRING) else { return nil }
    return MaxMindRecord.text(data)
  }

  func double(_ path: [String]) -> Double? {
    guard let data = data(path), case .number(let value) = MaxMindRecord.scalar(data) else {
      return nil
    }
    return value
  }

  /// How many items the list at `path` has.
  func count(_ path: [String]) -> Int {
    guard let data = data(path), data.type == UInt32(MMDB_DATA_TYPE_ARRAY) else { return 0 }
    return Int(data.data_size)
  }

  private func data(_ path: [String]) -> MMDB_entry_data_s? {
    var entry = entry
    var data = MMDB_entry_data_s()
    let status = MaxMindRecord.withCStrings(path[...], []) { names in
      MMDB_aget_value(&entry, &data, names)
    }
    return status == MMDB_SUCCESS && data.has_data ? data : nil
  }

  /// Runs `body` over the texts as C has them, a null pointer at the end.
  private static func withCStrings<T>(
    _ texts: ArraySlice<String>, _ before: [UnsafePointer<CChar>?],
    _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> T
  ) -> T {
    guard let first = texts.first else {
      return (before + [nil]).withUnsafeBufferPointer { all in
        guard let base = all.baseAddress else { preconditionFailure("an array with a null") }
        return body(base)
      }
    }
    return first.withCString { withCStrings(texts.dropFirst(), before + [$0], body) }
  }

  private static func text(_ data: MMDB_entry_data_s) -> String {
    var data = data
    guard let start = entry_data_text(&data) else { return "" }
    return String(
      decoding: UnsafeRawBufferPointer(start: start, count: Int(data.data_size)), as: UTF8.self)
  }

  private static func scalar(_ data: MMDB_entry_data_s) -> JMESValue {
    var data = data
    switch Int32(data.type) {
    case MMDB_DATA_TYPE_UTF8_STRING: return .string(text(data))
    case MMDB_DATA_TYPE_DOUBLE: return .number(entry_data_double(&data))
    case MMDB_DATA_TYPE_FLOAT: return .number(Double(entry_data_float(&data)))
    case MMDB_DATA_TYPE_UINT16, MMDB_DATA_TYPE_UINT32, MMDB_DATA_TYPE_UINT64:
      return .number(Double(entry_data_unsigned(&data)))
    case MMDB_DATA_TYPE_INT32: return .number(Double(entry_data_signed(&data)))
    case MMDB_DATA_TYPE_BOOLEAN: return .bool(entry_data_bool(&data))
    default: return .null
    }
  }

  /// The whole record as a tree.
  var tree: JMESValue {
    var entry = entry
    var list: UnsafeMutablePointer<MMDB_entry_data_list_s>?
    guard MMDB_get_entry_data_list(&entry, &list) == MMDB_SUCCESS else {
      MMDB_free_entry_data_list(list)
      return .null
    }
    defer { MMDB_free_entry_data_list(list) }
    var next = list
    return MaxMindRecord.value(&next, depth: 0)
  }

  private static func value(
    _ next: inout UnsafeMutablePointer<MMDB_entry_data_list_s>?, depth: Int
  ) -> JMESValue {
    guard let data = next?.pointee.entry_data, depth < 32 else { return .null }
    next = next?.pointee.next
    switch Int32(data.type) {
    case MMDB_DATA_TYPE_MAP:
      var members: [ByteText: JMESValue] = [:]
      for _ in 0..<data.data_size {
        guard let key = next?.pointee.entry_data else { break }
        next = next?.pointee.next
        members[text(key)] = value(&next, depth: depth + 1)
      }
      return .object(values: members)
    case MMDB_DATA_TYPE_ARRAY:
      var items: [JMESValue] = []
      for _ in 0..<data.data_size where next != nil { items.append(value(&next, depth: depth + 1)) }
      return .array(items)
    default: return scalar(data)
    }
  }
}
