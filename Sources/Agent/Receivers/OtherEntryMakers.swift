import Configuration
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel
import WireFormats

/// Lines of GELF messages: each message's JSON, with Promtail's meta labels.
final class GELFEntryMaker: EntryMaker {
  private let settings: GELFConfiguration
  private let memory: LabelMemory
  private var assembly = GELFAssembly()
  private var made = ReceiverCounts()

  init(_ job: ReceiverJob, _ settings: GELFConfiguration) {
    self.settings = settings
    memory = LabelMemory(job)
  }

  var counts: ReceiverCounts {
    var counts = made
    counts.malformed += UInt64(assembly.faults)
    return counts
  }

  func makeEntries(of item: Received, now: Timestamp, emit: (MadeEntry) -> Void) {
    guard case .message(let datagram) = item.content,
      let json = datagram.withUnsafeBytes({
        assembly.take($0, from: item.peer, now: .now())
      })
    else { return }
    guard let message = GELFMessage(json: json) else {
      made.malformed += 1
      return
    }
    var own: [Label] = []
    for (name, value) in [
      ("__gelf_message_level", message.levelName), ("__gelf_message_host", message.host),
      ("__gelf_message_version", message.version), ("__gelf_message_facility", message.facility),
    ] where memory.wants(name) {
      own.append(Label(name, value))
    }
    guard let labels = memory.labels(for: own) else {
      made.unlabelled += 1
      return
    }
    let line = message.line()
    made.lines += 1
    made.bytes += UInt64(line.count)
    line.withUnsafeBytes {
      emit(
        MadeEntry(
          line: $0, timestamp: settings.useIncomingTimestamp ? message.timestamp : nil,
          labels: labels))
    }
  }
}

/// Lines of push requests.
final class PushEntryMaker: EntryMaker {
  private let settings: PushReceiverConfiguration
  private let memory: LabelMemory
  private let labels: Labels
  private(set) var counts = ReceiverCounts()

  init(_ job: ReceiverJob, _ settings: PushReceiverConfiguration) {
    self.settings = settings
    labels = job.labels
    memory = LabelMemory(job)
  }

  func makeEntries(of item: Received, now: Timestamp, emit: (MadeEntry) -> Void) {
    switch item.content {
    case .message: break
    case .push(let push):
      for stream in push.streams { makeEntries(of: stream, item.tenant, emit) }
    case .lines(let bytes):
      // As in Promtail, such lines have the configuration's labels and are not relabelled.
      let own = Self.with(tenant: item.tenant, labels.withoutInternalLabels)
      bytes.withUnsafeBytes { all in
        for line in all.split(separator: 10) {
          var line = UnsafeRawBufferPointer(rebasing: line)
          while line.last == 13 { line = UnsafeRawBufferPointer(rebasing: line.dropLast()) }
          guard !line.isEmpty else { continue }
          counts.lines += 1
          counts.bytes += UInt64(line.count)
          emit(MadeEntry(line: line, timestamp: nil, labels: own))
        }
      }
    }
  }

  private func makeEntries(
    of stream: StreamRows, _ tenant: String, _ emit: (MadeEntry) -> Void
  ) {
    guard let kept = memory.labels(for: stream.labels.sorted) else {
      counts.unlabelled += UInt64(stream.count)
      return
    }
    let labels = Self.with(tenant: tenant, kept)
    stream.lineBytes.withUnsafeBytes { all in
      for row in 0..<stream.count {
        let line = UnsafeRawBufferPointer(rebasing: all[stream.lineRange(row)])
        counts.lines += 1
        counts.bytes += UInt64(line.count)
        emit(
          MadeEntry(
            line: line, timestamp: settings.useIncomingTimestamp ? stream.timestamps[row] : nil,
            labels: labels, structuredMetadata: stream.metadata(row)))
      }
    }
  }

  /// The request's tenant goes on as the label by which stages know it.
  private static func with(tenant: String, _ labels: Labels) -> Labels {
    tenant.isEmpty ? labels : Labels(labels.sorted + [Label("__tenant_id__", tenant)])
  }
}

/// Lines as they come, of a program or of standard input.
final class PlainEntryMaker: EntryMaker {
  private let memory: LabelMemory
  private(set) var counts = ReceiverCounts()

  init(_ job: ReceiverJob) { memory = LabelMemory(job) }

  func makeEntries(of item: Received, now: Timestamp, emit: (MadeEntry) -> Void) {
    guard case .message(let bytes) = item.content else { return }
    guard let labels = memory.labels(for: []) else {
      counts.unlabelled += 1
      return
    }
    counts.lines += 1
    counts.bytes += UInt64(bytes.count)
    bytes.withUnsafeBytes { emit(MadeEntry(line: $0, timestamp: nil, labels: labels)) }
  }
}
