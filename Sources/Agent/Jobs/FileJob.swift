import Compression
import Configuration
import LinuxIO
import LogSources
import Pipeline
import TelemetryModel

/// One job's files: what to read, and which labels their lines begin with.
struct FileJob: Sendable {
  /// One entry of `static_configs` after relabelling.
  struct Target: Sendable {
    var patterns: FilePatterns
    /// Without `filename`, which each file adds.
    var labels: Labels
  }

  var name: String
  var targets: [Target]
  var stages: [StageConfiguration]
  /// An encoding's name; empty for UTF-8.
  var encoding: String
  var compression: InflateStream.Format?
  var compressedAgeSeconds: Double

  /// nil when the job names no files for this host.
  ///
  /// As in Promtail: a target whose `__host__` is another host's is left out, so is one that
  /// relabelling drops or leaves without labels or path.
  init?(
    _ scrape: ScrapeConfiguration, hostName: String, fileSystem: any FileSystem
  ) throws(AgentError) {
    name = scrape.jobName
    stages = scrape.pipelineStages
    targets = []
    encoding = scrape.encoding
    compressedAgeSeconds = scrape.decompression.initialDelay.seconds
    compression = try Self.compression(scrape)
    guard LineEncoding(name: encoding) != nil else {
      throw AgentError("job `\(name)`: the encoding `\(encoding)` is not known")
    }
    var groups = scrape.staticConfigs.map { [$0] }
    for discovery in scrape.fileDiscoveries {
      groups.append(try TargetFiles(discovery, job: name).groups(fileSystem))
    }
    guard groups.contains(where: { !$0.isEmpty }) else { return nil }
    let relabeling: Relabeling
    do throws(PipelineError) {
      relabeling = try Relabeling(scrape.relabelConfigs)
    } catch {
      throw AgentError(error, job: scrape.jobName)
    }
    for config in groups.joined() {
      let address = config.targets.first ?? "localhost"
      let discovered = Labels([Label("__address__", address)] + config.labels)
      guard let labels = relabeling.apply(to: discovered), let path = labels["__path__"],
        !path.isEmpty
      else { continue }
      if let host = labels["__host__"], host != hostName { continue }
      let own = labels.withoutInternalLabels
      guard !own.isEmpty else { continue }
      do throws(LogSourcesError) {
        let exclude = labels["__path_exclude__"].flatMap { $0.isEmpty ? nil : $0 }
        targets.append(
          Target(patterns: try FilePatterns(include: path, exclude: exclude), labels: own))
      } catch {
        throw AgentError(error, job: scrape.jobName)
      }
    }
    guard !targets.isEmpty else { return nil }
  }

  private static func compression(_ scrape: ScrapeConfiguration) throws(AgentError)
    -> InflateStream.Format?
  {
    guard scrape.decompression.enabled else { return nil }
    switch scrape.decompression.format {
    case "gz": return .gzip
    case "z": return .zlib
    case "bz2": return .bzip2
    case let other:
      throw AgentError(
        "job `\(scrape.jobName)`: decompression.format must be gz, z or bz2, not `\(other)`")
    }
  }
}
