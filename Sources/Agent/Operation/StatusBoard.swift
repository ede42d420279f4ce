import LogSources
import Synchronization
import WireFormats

/// What the threads of the agent tell about themselves, for `/targets`.
final class StatusBoard: Sendable {
  struct JournalStatus: Sendable {
    var cursor: String
    var entries: UInt64
    var failure: String?
  }

  private struct State {
    var files: [String: [FileStatusReport]] = [:]
    var journals: [String: JournalStatus] = [:]
  }

  private let state = Mutex(State())

  func set(job: String, files: [FileStatusReport]) {
    state.withLock { $0.files[job] = files }
  }

  func set(job: String, journal: JournalStatus) {
    state.withLock { $0.journals[job] = journal }
  }

  /// `{"jobs": [{"job": …, "files": […]}, {"job": …, "journal": {…}}]}`.
  func write(to writer: inout JSONWriter) {
    let state = state.withLock { $0 }
    writer.key("jobs")
    writer.beginArray()
    for (job, files) in state.files.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      writer.key("job")
      writer.string(job)
      writer.key("files")
      writer.beginArray()
      for file in files {
        writer.beginObject()
        writer.key("path")
        writer.string(file.path)
        writer.key("first_path")
        writer.string(file.firstPath)
        writer.key("state")
        writer.string(file.state)
        writer.key("offset")
        writer.int(file.offset)
        writer.key("size")
        writer.int(file.size)
        writer.endObject()
      }
      writer.endArray()
      writer.endObject()
    }
    for (job, journal) in state.journals.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      writer.key("job")
      writer.string(job)
      writer.key("journal")
      writer.beginObject()
      writer.key("cursor")
      writer.string(journal.cursor)
      writer.key("entries")
      writer.uint(journal.entries)
      if let failure = journal.failure {
        writer.key("failure")
        writer.string(failure)
      }
      writer.endObject()
      writer.endObject()
    }
    writer.endArray()
  }
}
