import CLinux

/// Integers as byte planes: all lowest bytes, then all second bytes and so on.
package enum BytePlanes {
  /// Fills `values` with the integers of `width` planes of as many bytes each; bytes above these
  /// are 0. `planes` has `width` (0 to 8) times as many bytes as there are values.
  package static func join(
    _ planes: UnsafeRawBufferPointer, width: Int, into values: UnsafeMutableBufferPointer<UInt64>
  ) {
    precondition((0...8).contains(width) && planes.count == width * values.count)
    linux_join_planes(planes.baseAddress, Int32(width), values.count, values.baseAddress)
  }

  package static func join(
    _ planes: [UInt8], width: Int, into values: UnsafeMutableBufferPointer<UInt64>
  ) {
    planes.withUnsafeBytes { join($0, width: width, into: values) }
  }

  /// The same, byte by byte: what ``join(_:width:into:)`` is tested against.
  package static func plainJoin(_ planes: [UInt8], width: Int, count: Int) -> [UInt64] {
    precondition((0...8).contains(width) && planes.count == width * count)
    return [UInt64](unsafeUninitializedCapacity: count) { values, filled in
      planes.withUnsafeBytes {
        linux_join_planes_plain($0.baseAddress, Int32(width), count, values.baseAddress)
      }
      filled = count
    }
  }
}
