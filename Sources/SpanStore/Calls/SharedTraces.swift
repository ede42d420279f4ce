import TelemetryModel

extension [[TraceID]] {
  /// The ids that more than one of the lists has; each list is ascending and has an id once.
  var shared: Set<TraceID> {
    var shared: Set<TraceID> = []
    var lists = self
    while lists.count > 1 {
      var merged: [[TraceID]] = []
      for first in stride(from: 0, to: lists.count, by: 2) {
        let second = first + 1 < lists.count ? lists[first + 1] : []
        merged.append(Self.merge(lists[first], second, &shared))
      }
      lists = merged
    }
    return shared
  }

  private static func merge(
    _ first: [TraceID], _ second: [TraceID], _ shared: inout Set<TraceID>
  ) -> [TraceID] {
    guard !second.isEmpty else { return first }
    var out: [TraceID] = []
    out.reserveCapacity(first.count + second.count)
    var (a, b) = (0, 0)
    while a < first.count, b < second.count {
      if first[a] == second[b] {
        shared.insert(first[a])
        out.append(first[a])
        a += 1
        b += 1
      } else if first[a] < second[b] {
        out.append(first[a])
        a += 1
      } else {
        out.append(second[b])
        b += 1
      }
    }
    out += first[a...]
    out += second[b...]
    return out
  }
}
