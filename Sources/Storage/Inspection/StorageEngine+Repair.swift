import LinuxIO
import Synchronization

/// What a repair did.
package struct RepairReport: Hashable, Sendable {
  /// What was found when the store was opened, and worked around then.
  package var findings: [StorageFinding] = []
  /// Segments that were written anew without their damaged pages.
  package var rewritten: [String] = []
  /// Pages that could not be read; the rows in them are lost.
  package var lostPages: [StorageFinding] = []

  package init() {}
}

extension StorageEngine {
  /// Reads every page, and writes segments with damage anew without it; the damaged files stay in
  /// `set-aside/`. Nothing is ever deleted.
  nonisolated(nonsending)
    package func repair() async throws(StorageError) -> RepairReport
  {
    try await perform { [self] stage in
      if let failure = flushAll(&stage) { return .failure(failure) }
      return Result { () throws(StorageError) in try repairSegments() }
    }
  }

  private func repairSegments() throws(StorageError) -> RepairReport {
    var report = RepairReport()
    report.findings = state.withLock { $0.statistics.findings }
    let setAside = SetAsideFolder(folder: shelf.layout.setAside, fileSystem: fileSystem)
    for segment in state.withLock({ $0.segments }) {
      let faults = segment.verify()
      let isHurt = report.findings.contains { $0.path == segment.path }
      // One that is being merged is read as a whole there.
      guard !faults.isEmpty || isHurt, state.withLock({ $0.claim([segment.id]) }) else { continue }
      defer { state.withLock { _ = $0.claimed.remove(segment.id) } }
      if let fault = faults.first(where: { $0.code != .corrupt }) { throw fault }
      for fault in faults {
        report.lostPages.append(
          StorageFinding(
            .corrupt, path: segment.path, offset: fault.offset ?? 0, fault.message))
      }
      let records = try write(
        [SegmentRewrite(segment, skipsDamage: true)],
        deletesThrough: segment.record.deletesThrough)
      setAside.keepSecondName(of: segment.path)
      try replace([segment], by: records)
      report.rewritten.append(segment.path)
    }
    return report
  }
}
