import TelemetryModel

/// Which segments are to be merged.
///
/// Segments of one day are merged when there are enough of about one size, so that each row is
/// written anew a few times in all; what is left of a day that is over is merged once more. Days
/// are not mixed, so that retention can drop whole segments. Segments that are for a good part
/// what their blocks share are merged sooner: that part is most often alike in all of them, and is
/// then kept once.
struct CompactionPlan {
  /// So many segments of one size make a greater one.
  static let segmentsMin = 8
  /// So many do whose shared part is this share of their bytes.
  static let alikeSegmentsMin = 3
  static let sharedShareMin = 0.2
  /// What the segments of a merge share is in memory while it is under way, some times as large.
  static let sharedBytesMax = 16 << 20
  static let segmentsMax = 32
  /// Sizes are told apart by this factor.
  static let sizeFactor = 4
  static let smallestBytes = 1 << 20

  /// Rows of a merged segment, as they came in.
  let rawBytesMax: Int
  let now: Timestamp

  /// What a choice needs to know of a segment.
  struct Candidate: Hashable {
    var id: UInt64
    var oldest: Timestamp
    var newest: Timestamp
    var rawByteCount: Int
    /// Segments with different deletes to come are not mixed.
    var deletes: UInt64
    /// Bytes of the file, and of what its blocks share.
    var byteCount = 0
    var sharedByteCount = 0

    var day: Int64 { newest.nanoseconds / CompactionPlan.dayNanoseconds }
    /// What its blocks share takes a good part of its bytes.
    var isAlike: Bool {
      sharedByteCount > 0
        && Double(sharedByteCount) >= CompactionPlan.sharedShareMin * Double(byteCount)
    }
    var spansDays: Bool { oldest.nanoseconds / CompactionPlan.dayNanoseconds != day }
  }

  /// Whether a segment that has to be written anew may become one with others that have to.
  func joins(_ candidate: Candidate, _ others: [Candidate]) -> Bool {
    guard let first = others.first else { return true }
    let all = others + [candidate]
    return all.allSatisfy { group($0, tier: 0) == group(first, tier: 0) }
      && all.allSatisfy { $0.rawByteCount < rawBytesMax / 2 }
      && all.count <= Self.segmentsMax
      && all.reduce(0) { $0 + $1.rawByteCount } <= rawBytesMax
      && (all.count <= 2 || all.reduce(0) { $0 + $1.sharedByteCount } <= Self.sharedBytesMax)
  }

  private static let dayNanoseconds: Int64 = 86_400_000_000_000
  /// A day is over for merging when it has been for so long: late rows still come.
  private static let settleNanoseconds: Int64 = 3_600_000_000_000

  private struct Group: Hashable {
    var day: Int64
    var spansDays: Bool
    var deletes: UInt64
    var tier: Int
    /// Holds nothing but segments that are alike.
    var isAlike = false
  }

  /// The segments of the most useful merge, or none.
  func choose(_ candidates: [Candidate]) -> [UInt64] {
    let small = candidates.filter { $0.rawByteCount < rawBytesMax / 2 }
    var groups: [Group: [Candidate]] = [:]
    for candidate in small {
      var group = group(candidate, tier: tier(candidate.rawByteCount))
      groups[group, default: []].append(candidate)
      group.isAlike = true
      if candidate.isAlike { groups[group, default: []].append(candidate) }
      if isSettled(candidate) {
        groups[self.group(candidate, tier: -1), default: []].append(candidate)
      }
    }
    var best: [Candidate] = []
    for (group, members) in groups {
      let chosen = fitting(members)
      let least =
        group.tier < 0 ? 2 : group.isAlike ? Self.alikeSegmentsMin : Self.segmentsMin
      guard chosen.count >= least else { continue }
      if best.isEmpty || chosen.count > best.count
        || (chosen.count == best.count && chosen[0].oldest < best[0].oldest)
      {
        best = chosen
      }
    }
    return best.map(\.id)
  }

  private func group(_ candidate: Candidate, tier: Int) -> Group {
    Group(
      day: candidate.day, spansDays: candidate.spansDays, deletes: candidate.deletes, tier: tier)
  }

  private func tier(_ bytes: Int) -> Int {
    var tier = 0
    var limit = Self.smallestBytes
    while bytes > limit, tier < 30 {
      limit *= Self.sizeFactor
      tier += 1
    }
    return tier
  }

  private func isSettled(_ candidate: Candidate) -> Bool {
    (candidate.day + 1) * Self.dayNanoseconds + Self.settleNanoseconds < now.nanoseconds
  }

  /// Neighbours in time that together are not too large: the smallest ones when not all fit.
  private func fitting(_ members: [Candidate]) -> [Candidate] {
    var chosen: [Candidate] = []
    var bytes = 0
    var sharedBytes = 0
    for member in members.sorted(by: { $0.rawByteCount < $1.rawByteCount })
    where chosen.count < Self.segmentsMax && bytes + member.rawByteCount <= rawBytesMax
      && (chosen.count < 2 || sharedBytes + member.sharedByteCount <= Self.sharedBytesMax)
    {
      chosen.append(member)
      bytes += member.rawByteCount
      sharedBytes += member.sharedByteCount
    }
    return chosen.sorted { $0.oldest == $1.oldest ? $0.id < $1.id : $0.oldest < $1.oldest }
  }
}

extension CompactionPlan.Candidate {
  /// `deletes` are those up to which the segments that are merged must have been treated alike.
  init(_ segment: Segment, deletes: UInt64, sharedByteCount: Int) {
    self.init(
      id: segment.id, oldest: segment.summary.oldest, newest: segment.summary.newest,
      rawByteCount: segment.summary.rawByteCount, deletes: deletes,
      byteCount: segment.record.byteCount, sharedByteCount: sharedByteCount)
  }
}
