import Configuration
import LogSources
import Pipeline
import TelemetryModel

/// One job's journal: what to read of it, and how labels come from its fields.
struct JournalJob: Sendable {
  var name: String
  var settings: JournalSettings
  /// Whether lines are whole entries as JSON.
  var isJSON: Bool
  var labels: Labels
  var relabeling: Relabeling
  var hasRelabeling: Bool
  var stages: [StageConfiguration]

  init?(_ scrape: ScrapeConfiguration) throws(AgentError) {
    guard let journal = scrape.journal else { return nil }
    name = scrape.jobName
    stages = scrape.pipelineStages
    isJSON = journal.json
    labels = Labels(journal.labels)
    hasRelabeling = !scrape.relabelConfigs.isEmpty
    settings = JournalSettings()
    do throws(PipelineError) {
      relabeling = try Relabeling(scrape.relabelConfigs)
    } catch {
      throw AgentError(error, job: scrape.jobName)
    }
    do throws(LogSourcesError) {
      settings.matches = try JournalMatches(journal.matches)
    } catch {
      throw AgentError(error, job: scrape.jobName)
    }
    if !journal.path.isEmpty { settings.folder = journal.path }
    settings.ageMaxMicroseconds = UInt64(max(0, journal.maxAge.nanoseconds / 1000))
    // Only the fields that the labels or the line are made of are asked for.
    if !journal.json {
      if !hasRelabeling {
        settings.fields = []
      } else if let names = relabeling.referencedLabels {
        settings.fields = names.compactMap { JournalEntry.fieldName(metaLabel: $0) }
      }
    }
  }
}
