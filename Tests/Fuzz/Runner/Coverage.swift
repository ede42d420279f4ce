import FuzzTargets
import Glibc

/// Edges of the program that an input can go along: a counter of each, and its place.
///
/// libFuzzer looks at all counters after each input, which takes longer than most inputs do when
/// they are those of the whole program. So it is told only of those near which the inputs go that
/// are there at the start; `FUZZ_WHOLE=1` tells it of all.
struct Coverage {
  /// One for each edge, counted up by the instrumented code.
  var counters: UnsafeMutableBufferPointer<UInt8>
  /// Address and flags of each edge.
  var places: UnsafePointer<UInt>

  /// Edges that are told of or left out together: some functions of one file.
  private static let blockEdges = 512

  /// Tells libFuzzer of the blocks in which `run` went along an edge, and of their neighbours.
  func tell(near run: () -> Void) {
    counters.update(repeating: 0)
    run()
    let edges = Self.blockEdges
    let blocks = (counters.count + edges - 1) / edges
    var isNear = [Bool](repeating: false, count: blocks)
    for block in 0..<blocks {
      let range = block * edges..<min(counters.count, (block + 1) * edges)
      guard counters[range].contains(where: { $0 != 0 }) else { continue }
      for near in max(0, block - 1)...min(blocks - 1, block + 1) { isNear[near] = true }
    }
    counters.update(repeating: 0)
    var block = 0
    while block < blocks {
      let first = block
      while block < blocks, isNear[block] { block += 1 }
      if block > first { tell(first * edges..<min(counters.count, block * edges)) }
      block += 1
    }
  }

  /// Tells libFuzzer of all edges.
  func tell() { tell(0..<counters.count) }

  private func tell(_ edges: Range<Int>) {
    guard let base = counters.baseAddress else { return }
    tellCounters(base + edges.lowerBound, base + edges.upperBound)
    tellPlaces(places + 2 * edges.lowerBound, places + 2 * edges.upperBound)
  }
}

/// What the instrumentation told of before the program began.
nonisolated(unsafe) private var counterStart: UnsafeMutablePointer<UInt8>?
nonisolated(unsafe) private var counterEnd: UnsafeMutablePointer<UInt8>?
nonisolated(unsafe) private var placeStart: UnsafePointer<UInt>?

extension Coverage {
  /// That of the whole program; nil when it is not instrumented.
  static var whole: Coverage? {
    guard let counterStart, let counterEnd, let placeStart else { return nil }
    return Coverage(
      counters: UnsafeMutableBufferPointer(start: counterStart, count: counterEnd - counterStart),
      places: placeStart)
  }
}

// The linker puts these in the place of libFuzzer's (`--wrap` in Package.swift), which are reached
// by their `__real_` names. Every object file calls them, all with the same arguments.

@_cdecl("__wrap___sanitizer_cov_8bit_counters_init")
func keepCounters(_ start: UnsafeMutablePointer<UInt8>, _ end: UnsafeMutablePointer<UInt8>) {
  counterStart = start
  counterEnd = end
}

@_cdecl("__wrap___sanitizer_cov_pcs_init")
func keepPlaces(_ start: UnsafePointer<UInt>, _ end: UnsafePointer<UInt>) { placeStart = start }

@_silgen_name("__real___sanitizer_cov_8bit_counters_init")
private func tellCounters(_: UnsafeMutablePointer<UInt8>, _: UnsafeMutablePointer<UInt8>)

@_silgen_name("__real___sanitizer_cov_pcs_init")
private func tellPlaces(_: UnsafePointer<UInt>, _: UnsafePointer<UInt>)
