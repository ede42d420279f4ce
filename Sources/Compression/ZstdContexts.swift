import CZstd
import Synchronization

/// Contexts of zstd that are used again: making one costs as much as inflating a small column.
///
/// A few idle ones are kept for each direction; more are freed. Safe to use from several threads,
/// each of which has a context to itself.
enum ZstdContexts {
  private struct Handle: Sendable {
    /// Used by the one that took it out of the pool alone.
    nonisolated(unsafe) let pointer: OpaquePointer
  }

  private static let idleMax = 4
  private static let compressing = Mutex<[Handle]>([])
  private static let inflating = Mutex<[Handle]>([])

  /// Lends a context for compressing; nil when there is no memory for one.
  static func withCompressing<Value>(_ body: (OpaquePointer) -> Value) -> Value? {
    guard let handle = take(compressing, ZSTD_createCCtx) else { return nil }
    defer { give(handle, compressing) { ZSTD_freeCCtx($0) } }
    return body(handle.pointer)
  }

  /// Lends a context for inflating; nil when there is no memory for one.
  static func withInflating<Value>(_ body: (OpaquePointer) -> Value) -> Value? {
    guard let handle = take(inflating, ZSTD_createDCtx) else { return nil }
    defer { give(handle, inflating) { ZSTD_freeDCtx($0) } }
    return body(handle.pointer)
  }

  private static func take(
    _ pool: borrowing Mutex<[Handle]>, _ make: () -> OpaquePointer?
  ) -> Handle? {
    if let idle = pool.withLock({ $0.popLast() }) { return idle }
    guard let made = make() else { return nil }
    return Handle(pointer: made)
  }

  private static func give(
    _ handle: Handle, _ pool: borrowing Mutex<[Handle]>, _ free: (OpaquePointer) -> Void
  ) {
    let isKept = pool.withLock { pool in
      guard pool.count < idleMax else { return false }
      pool.append(handle)
      return true
    }
    if !isKept { free(handle.pointer) }
  }
}
