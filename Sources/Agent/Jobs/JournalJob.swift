import Configuration
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel

/// One job's journal: what to read of it, and how labels come from its fields.
struct JournalJob: Sendable {
  var name: String
  /// By what its position is stored: the name, and the folder where there are several.
  var key: String
  var settings: JournalSettings
  /// Whether lines are whole entries as JSON.
  var isJSON: Bool
  var labels: Labels
  var relabeling: Relabeling
  var hasRelabeling: Bool
  var stages: [StageConfiguration]

  /// The journals that one entry of `scrape_configs` asks for: one for each folder.
  static func jobs(of scrape: ScrapeConfiguration, fileSystem: any FileSystem)
    throws(AgentError) -> [JournalJob]
  {
    guard let journal = scrape.journal else { return [] }
    var folders: [String] = []
    for path in journal.paths {
      guard path.contains(where: { "*?[{".contains($0) }) else {
        folders.append(path)
        continue
      }
      do throws(LogSourcesError) {
        folders += try GlobWalk.folders(withJournalsMatching: path, fileSystem)
      } catch {
        throw AgentError(error, job: scrape.jobName)
      }
    }
    if journal.paths.isEmpty { return [try JournalJob(scrape, journal, folder: nil)] }
    var jobs: [JournalJob] = []
    for folder in folders {
      var job = try JournalJob(scrape, journal, folder: folder)
      if folders.count > 1 { job.key = "\(scrape.jobName):\(folder)" }
      jobs.append(job)
    }
    return jobs
  }

  private init(_ scrape: ScrapeConfiguration, _ journal: JournalConfiguration, folder: String?)
    throws(AgentError)
  {
    name = scrape.jobName
    key = scrape.jobName
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
      settings.exclusions = try JournalMatches(journal.excludeMatches)
    } catch {
      throw AgentError(error, job: scrape.jobName)
    }
    settings.folder = folder
    if !journal.namespace.isEmpty { settings.namespace = journal.namespace }
    if journal.currentBootOnly {
      guard let boot = BootID.current else {
        throw AgentError(
          "job `\(name)`: current_boot_only needs /proc/sys/kernel/random/boot_id"
            + " (set ProcSubset=all in the unit)")
      }
      settings.matches = settings.matches.with(term: "_BOOT_ID=\(boot)")
    }
    settings.ageMaxMicroseconds = UInt64(max(0, journal.maxAge.nanoseconds / 1000))
    // Only the fields that the labels or the line are made of are asked for.
    if !journal.json {
      if !hasRelabeling {
        settings.fields = ["_SYSTEMD_UNIT"]
      } else if let names = relabeling.referencedLabels {
        settings.fields =
          names.compactMap { JournalEntry.fieldName(metaLabel: $0) } + ["_SYSTEMD_UNIT"]
      }
    }
  }
}
