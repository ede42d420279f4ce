import Bytes
import TelemetryModel

/// The times of a column block's rows, as the block's header says how they are kept.
///
///     base: zigzag ns, unit: varint ns | planes of firsts: varint, planes of steps: varint
///     streams: firsts, steps
///
/// For each run (the rows of one stream) its first time, and for each row the step from the one
/// before in its run, 0 for the first; both in units, firsts since `base`. Steps are not negative
/// where a run is in order of time; others are modulo 2^64, which comes out right.
///
/// Blocks of kind 2 have no firsts: theirs are zigzag differences over all rows of the block.
struct BlockTimes {
  private let base: Int64
  private let unit: UInt64
  private let firstsWidth: Int
  private let stepsWidth: Int
  private let isByRun: Bool

  /// How many streams the times take, the first ones of the block.
  var streamCount: Int { firstsWidth + stepsWidth }

  init(_ reader: inout BlockReader, _ kind: LogBlockKind) throws(LogStoreError) {
    isByRun = kind == .columnsByRun
    base = decodeZigZag(try reader.varint())
    unit = try reader.varint()
    firstsWidth = isByRun ? try reader.varint(max: 8) : 0
    stepsWidth = try reader.varint(max: 8)
  }

  // MARK: writing

  static func append(_ times: [Int64], _ runs: [BlockRows.Run], to writer: inout ColumnWriter) {
    let base = times.min() ?? 0
    let unit = unit(of: times, base)
    var firsts: [UInt64] = []
    var steps: [UInt64] = []
    steps.reserveCapacity(times.count)
    var (allFirsts, allSteps): (UInt64, UInt64) = (0, 0)
    var row = 0
    for run in runs {
      var previous = UInt64(bitPattern: times[row] &- base) / unit
      firsts.append(previous)
      allFirsts |= previous
      for time in times[row..<(row + run.count)] {
        let value = UInt64(bitPattern: time &- base) / unit
        steps.append(value &- previous)
        allSteps |= value &- previous
        previous = value
      }
      row += run.count
    }
    let widths = (ColumnWriter.byteWidth(allFirsts), ColumnWriter.byteWidth(allSteps))
    writer.header.appendZigZag(base)
    writer.header.appendVarint(unit)
    writer.header.appendVarint(UInt64(widths.0))
    writer.header.appendVarint(UInt64(widths.1))
    writer.streams.add(planes: widths.0, of: firsts)
    writer.streams.add(planes: widths.1, of: steps)
  }

  /// The greatest divisor of all distances to `base`: what holds milliseconds costs no more.
  private static func unit(of times: [Int64], _ base: Int64) -> UInt64 {
    var unit: UInt64 = 0
    for time in times {
      var (a, b) = (unit, UInt64(bitPattern: time &- base))
      while b != 0 { (a, b) = (b, a % b) }
      unit = a
      if unit == 1 { break }
    }
    return max(unit, 1)
  }

  // MARK: reading

  /// The time of each row; `runs` hold `count` rows together.
  func timestamps(
    _ runs: [BlockRows.Run], count: Int, _ streams: inout ByteStreamReader
  ) throws(LogStoreError) -> [Timestamp] {
    let firsts = try streams.values(planes: firstsWidth, first: 0, count: runs.count)
    let steps = try streams.planes(stepsWidth, first: firstsWidth, count: count)
    return [Timestamp](unsafeUninitializedCapacity: count) { times, filled in
      guard let start = times.baseAddress else { return }
      // A timestamp is its 64 bits: the planes are joined where the times will lie.
      let values = UnsafeMutableBufferPointer(
        start: UnsafeMutableRawPointer(start).assumingMemoryBound(to: UInt64.self), count: count)
      BytePlanes.join(steps, width: stepsWidth, into: values)
      if isByRun { addUp(values, runs, firsts) } else { addUp(zigzag: values) }
      filled = count
    }
  }

  private func addUp(
    _ values: UnsafeMutableBufferPointer<UInt64>, _ runs: [BlockRows.Run], _ firsts: [UInt64]
  ) {
    let (base, unit) = (UInt64(bitPattern: base), unit)
    var row = 0
    for (run, first) in zip(runs, firsts) {
      var value = first
      for index in row..<(row + run.count) {
        value &+= values[index]
        values[index] = value &* unit &+ base
      }
      row += run.count
    }
  }

  private func addUp(zigzag values: UnsafeMutableBufferPointer<UInt64>) {
    let (base, unit) = (UInt64(bitPattern: base), unit)
    var value: UInt64 = 0
    for index in values.indices {
      value &+= UInt64(bitPattern: decodeZigZag(values[index]))
      values[index] = value &* unit &+ base
    }
  }
}
