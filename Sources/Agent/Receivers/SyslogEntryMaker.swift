import Configuration
import LinuxIO
import LogSources
import TelemetryModel

/// Lines of syslog messages, with Promtail's meta labels.
final class SyslogEntryMaker: EntryMaker {
  private let settings: SyslogConfiguration
  private let format: SyslogFormat
  private let memory: LabelMemory
  private var hostNames: [String: String] = [:]
  private(set) var counts = ReceiverCounts()

  private static let hostNamesMax = 4096

  init(_ job: ReceiverJob, _ settings: SyslogConfiguration) {
    self.settings = settings
    format =
      switch settings.format {
      case .rfc5424: .rfc5424
      case .rfc3164: .rfc3164
      case .auto: .auto
      }
    memory = LabelMemory(job)
  }

  func makeEntries(of item: Received, now: Timestamp, emit: (MadeEntry) -> Void) {
    guard case .message(let bytes) = item.content else { return }
    bytes.withUnsafeBytes { whole in
      guard let message = SyslogMessage(whole, format: format, now: now) else {
        counts.malformed += 1
        return
      }
      guard let text = message.text else {
        counts.empty += 1
        return
      }
      guard let labels = memory.labels(for: metaLabels(message, whole, item.peer)) else {
        counts.unlabelled += 1
        return
      }
      let line =
        settings.useRFC5424Message ? whole : UnsafeRawBufferPointer(rebasing: whole[text])
      counts.lines += 1
      counts.bytes += UInt64(line.count)
      emit(
        MadeEntry(
          line: line, timestamp: settings.useIncomingTimestamp ? message.timestamp : nil,
          labels: labels))
    }
  }

  private func metaLabels(
    _ message: SyslogMessage, _ bytes: UnsafeRawBufferPointer, _ peer: SocketAddress
  ) -> [Label] {
    var labels: [Label] = []
    func add(_ name: String, _ value: @autoclosure () -> String) {
      if memory.wants(name) { labels.append(Label(name, value())) }
    }
    func add(_ name: String, _ range: Range<Int>?) {
      guard let range, memory.wants(name) else { return }
      labels.append(Label(name, String(decoding: bytes[range], as: UTF8.self)))
    }
    add("__syslog_connection_ip_address", address(peer))
    add("__syslog_connection_hostname", hostName(peer))
    add("__syslog_message_severity", message.severityName)
    add("__syslog_message_facility", message.facilityName)
    add("__syslog_message_hostname", message.host)
    add("__syslog_message_app_name", message.application)
    add("__syslog_message_proc_id", message.process)
    add("__syslog_message_msg_id", message.messageID)
    if settings.labelStructuredData {
      for parameter in message.structuredData {
        let element = String(parameter.element.map { $0 == "@" ? "_" : $0 })
        add("__syslog_message_sd_\(element)_\(parameter.name)", parameter.value)
      }
    }
    return labels
  }

  private func address(_ peer: SocketAddress) -> String {
    if case .unix = peer { "" } else { peer.host }
  }

  /// Looked up once for each address; blocks this job's thread only.
  private func hostName(_ peer: SocketAddress) -> String {
    let key = peer.host
    if let known = hostNames[key] { return known }
    if hostNames.count >= Self.hostNamesMax { hostNames = [:] }
    let name = peer.lookUpHostName()
    hostNames[key] = name
    return name
  }
}
