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

  struct ReceiverStatus: Sendable {
    var kind: String
    var counts: ReceiverCounts
    var droppedMessages: UInt64
    var address = ""
  }

  private struct State {
    var receivers: [String: ReceiverStatus] = [:]
    var addresses: [String: String] = [:]
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

  func set(job: String, receiver: ReceiverStatus) {
    state.withLock { $0.receivers[job] = receiver }
  }

  /// Where a job listens.
  func set(job: String, address: String) { state.withLock { $0.addresses[job] = address } }
  func address(ofJob job: String) -> String? { state.withLock { $0.addresses[job] } }

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
    for (job, receiver) in state.receivers.sorted(by: { $0.key < $1.key }) {
      writer.beginObject()
      writer.key("job")
      writer.string(job)
      writer.key(receiver.kind)
      writer.beginObject()
      if let address = state.addresses[job], !address.isEmpty {
        writer.key("address")
        writer.string(address)
      }
      for (name, value) in [
        ("lines", receiver.counts.lines), ("bytes", receiver.counts.bytes),
        ("malformed", receiver.counts.malformed), ("empty", receiver.counts.empty),
        ("unlabelled", receiver.counts.unlabelled), ("no_room", receiver.droppedMessages),
      ] {
        writer.key(name)
        writer.uint(value)
      }
      writer.endObject()
      writer.endObject()
    }
    writer.endArray()
  }
}
