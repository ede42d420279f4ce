import LinuxIO
import LogSources

/// Finds out what a queue's folder holds.
enum QueueRecovery {
  /// The newest positions and the place to go on at; nothing is changed but torn files removed.
  ///
  /// Positions are those of the newest whole snapshot and of the records after it.
  static func recover(
    folder: String, _ fileSystem: any FileSystem
  ) throws(SystemError) -> DiskQueue.State {
    var state = DiskQueue.State()
    let firsts = try fileSystem.list(folder).compactMap(QueueFormat.firstSequence).sorted()
    for first in firsts {
      let path = "\(folder)/\(QueueFormat.segmentName(first))"
      guard let status = try fileSystem.status(path) else { continue }
      state.segments.append(DiskQueue.Segment(first: first, bytes: status.size))
    }
    try dropTornSegment(&state, folder, fileSystem)
    guard let newest = state.segments.last else { return state }
    state.durable = newest.first
    // Where no snapshot is whole, what the records tell is better than nothing.
    var start = 0
    for index in state.segments.indices.reversed() {
      guard let positions = try snapshot(of: index, state, folder, fileSystem) else { continue }
      state.positions = positions
      start = index
      break
    }
    for index in start..<state.segments.count {
      try apply(segment: index, to: &state, folder, fileSystem)
    }
    return state
  }

  /// A newest segment without one whole record was being made when the process ended.
  private static func dropTornSegment(
    _ state: inout DiskQueue.State, _ folder: String, _ fileSystem: any FileSystem
  ) throws(SystemError) {
    guard let newest = state.segments.last else { return }
    let path = "\(folder)/\(QueueFormat.segmentName(newest.first))"
    if var reader = try SegmentReader(try fileSystem.open(path, .read)) {
      switch try reader.next() {
      case .record: return
      case .damaged:
        if try reader.skipDamage(to: newest.first...(.max)) { return }
      case .end: break
      }
    }
    try fileSystem.remove(path)
    state.segments.removeLast()
  }

  private static func snapshot(
    of index: Int, _ state: DiskQueue.State, _ folder: String, _ fileSystem: any FileSystem
  ) throws(SystemError) -> [String: [UInt8]]? {
    let path = "\(folder)/\(QueueFormat.segmentName(state.segments[index].first))"
    guard var reader = try SegmentReader(try fileSystem.open(path, .read)),
      case .record(let record, _) = try reader.next(), record.isSnapshot
    else { return nil }
    var positions: [String: [UInt8]] = [:]
    apply(record, to: &positions)
    return positions
  }

  private static func apply(
    segment index: Int, to state: inout DiskQueue.State, _ folder: String,
    _ fileSystem: any FileSystem
  ) throws(SystemError) {
    let first = state.segments[index].first
    let isLast = index + 1 == state.segments.count
    let last = isLast ? UInt64.max : state.segments[index + 1].first - 1
    let path = "\(folder)/\(QueueFormat.segmentName(first))"
    guard var reader = try SegmentReader(try fileSystem.open(path, .read)) else { return }
    while true {
      switch try reader.next() {
      case .end: return
      case .damaged:
        // Counted when a destination comes to it.
        guard try reader.skipDamage(to: first...last) else { return }
      case .record(let record, let sequence):
        guard sequence <= last else { return }
        apply(record, to: &state.positions)
        state.durable = max(state.durable, sequence)
      }
    }
  }

  /// Follows one record's positions.
  static func apply(_ record: QueueRecord, to positions: inout [String: [UInt8]]) {
    if record.isSnapshot { positions = [:] }
    for position in record.positions {
      positions[position.key] = position.value.isEmpty ? nil : position.value
    }
  }
}
