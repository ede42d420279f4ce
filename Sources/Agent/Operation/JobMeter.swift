import LogSources
import Pipeline
import TelemetryModel

/// Shows one job's running totals on `/metrics`. For one thread.
final class JobMeter {
  private let registry: MetricsRegistry
  private let job: String
  private var shown: [String: UInt64] = [:]

  init(_ registry: MetricsRegistry, job: String) {
    self.registry = registry
    self.job = job
  }

  func report(_ counters: FileCounters, drops: [DropCount]) {
    show("sluice_agent_read_lines_total", "Lines read from files.", counters.readLines)
    show("sluice_agent_read_bytes_total", "Bytes read from files.", counters.readBytes)
    show(
      "sluice_agent_overlong_lines_total", "Lines above the limit: cut or dropped.",
      counters.overlongLines)
    show("sluice_agent_rotations_total", "Files that were renamed.", counters.rotations)
    show("sluice_agent_truncations_total", "Files that were truncated.", counters.truncations)
    show(
      "sluice_agent_destroyed_bytes_total",
      "Bytes that a truncation destroyed before they could be read.", counters.destroyedBytes)
    show(
      "sluice_agent_gone_files_total",
      "Files that were gone before all that was seen of them was read.", counters.goneFiles)
    show("sluice_agent_gone_bytes_total", "Bytes of them that were not read.", counters.goneBytes)
    show(
      "sluice_agent_gone_held_lines_total",
      "Lines held back when a run ended that could not be read again.", counters.goneHeldLines)
    show(
      "sluice_agent_copies_total", "Files recognised as copies of files that were read.",
      counters.copiesTakenOver)
    show("sluice_agent_read_errors_total", "Reads that failed.", counters.readErrors)
    report(drops: drops)
  }

  func report(journalEntries: UInt64, unreadable: UInt64, withoutMessage: UInt64) {
    show("sluice_agent_journal_entries_total", "Journal entries read.", journalEntries)
    show(
      "sluice_agent_journal_unreadable_total", "Journal entries that could not be read.",
      unreadable)
    show(
      "sluice_agent_journal_without_message_total", "Journal entries without MESSAGE, dropped.",
      withoutMessage)
  }

  func report(_ counts: ReceiverCounts, droppedMessages: UInt64) {
    show("sluice_agent_received_lines_total", "Lines received.", counts.lines)
    show("sluice_agent_received_bytes_total", "Bytes of lines received.", counts.bytes)
    show(
      "sluice_agent_malformed_messages_total", "Messages that could not be understood.",
      counts.malformed)
    show("sluice_agent_empty_messages_total", "Messages without text, dropped.", counts.empty)
    show(
      "sluice_agent_unlabelled_lines_total", "Lines that relabelling dropped.", counts.unlabelled)
    show(
      "sluice_agent_no_room_messages_total", "Datagrams dropped since the queue was full.",
      droppedMessages)
  }

  func report(drops: [DropCount]) {
    for drop in drops {
      let key = "dropped/\(drop.reason)"
      let counter = registry.counter(
        "sluice_agent_dropped_lines_total", help: "Lines that a stage dropped.",
        labels: ["job": job, "reason": drop.reason])
      counter.add(Int(clamping: drop.lines - min(drop.lines, shown[key] ?? 0)))
      shown[key] = drop.lines
    }
  }

  private func show(_ name: String, _ help: String, _ value: UInt64) {
    let counter = registry.counter(name, help: help, labels: ["job": job])
    counter.add(Int(clamping: value - min(value, shown[name] ?? 0)))
    shown[name] = value
  }
}
