import Bytes
import LogSources

/// What an earlier run left of all sources: the queue's positions, or those of a Promtail.
struct RestoredPositions: Sendable {
  private var files: [(number: Int64, position: FilePosition)] = []
  private var journals: [String: JournalPosition] = [:]
  private(set) var lastFileNumber: Int64 = 0
  /// Keys whose value is in no form that is known.
  private(set) var unreadable: [String] = []
  /// By absolute path, from Promtail's file; empty once the queue knows anything.
  private(set) var importedOffsets: [ByteText: Int64] = [:]

  init(queue: [String: [UInt8]], imported: [ByteText: String]) {
    for (key, value) in queue.sorted(by: { $0.key < $1.key }) {
      do throws(ByteError) {
        if key.hasPrefix("file:"), let number = Int64(key.dropFirst(5)) {
          files.append((number, try FilePosition(encoded: value)))
          lastFileNumber = max(lastFileNumber, number)
        } else if key.hasPrefix("journal:") {
          journals[String(key.dropFirst(8))] = try JournalPosition(encoded: value)
        } else {
          unreadable.append(key)
        }
      } catch {
        unreadable.append(key)
      }
    }
    // The newest of several with one inode is the one that counts.
    files.sort { $0.number < $1.number }
    guard queue.isEmpty else { return }
    for (key, value) in imported {
      if key.text.hasBytePrefix("cursor-") {
        journals[String(key.text.dropFirst(7))] = JournalPosition(cursor: value)
      } else if let offset = Int64(value) {
        importedOffsets[key] = offset
      }
    }
  }

  /// A job's own files, and for the first job that would read them those of jobs that are gone
  /// or have another name now.
  func files(of job: FileJob, isFirst: Bool, among jobs: [FileJob])
    -> [(number: Int64, position: FilePosition)]
  {
    let names = Set(jobs.map(\.name))
    return files.filter { item in
      if item.position.job == job.name { return true }
      guard !names.contains(item.position.job) else { return false }
      let taker = jobs.first { other in
        other.targets.contains { $0.patterns.include.matches(item.position.path) }
      }
      return taker.map { $0.name == job.name } ?? isFirst
    }
  }

  func journal(of job: String) -> JournalPosition? { journals[job] }
}
