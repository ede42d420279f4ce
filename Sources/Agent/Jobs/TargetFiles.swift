import Configuration
import LinuxIO
import LogSources
import TelemetryModel
import WireFormats

/// The files of one `file_sd_configs` entry: lists of targets and labels, JSON or YAML
/// (Prometheus's file-based service discovery).
struct TargetFiles: Sendable {
  private static let bytesMax = 16 << 20

  private let patterns: [GlobPattern]
  private let job: String

  init(_ discovery: FileDiscoveryConfiguration, job: String) throws(AgentError) {
    self.job = job
    var patterns: [GlobPattern] = []
    for file in discovery.files {
      do throws(LogSourcesError) {
        patterns.append(try FilePatterns(include: file).include)
      } catch { throw AgentError(error, job: job) }
    }
    self.patterns = patterns
  }

  /// The files that there are, in order.
  func paths(_ fileSystem: any FileSystem) -> [String] {
    var walk = GlobWalk(fileSystem)
    for pattern in patterns { walk.expand(pattern) }
    return walk.matches.map(\.path).sorted()
  }

  /// What the files list; each target of a group by itself, with `__meta_filepath`.
  ///
  /// Throws ``AgentError`` for a file that is no list of groups.
  func groups(_ fileSystem: any FileSystem) throws(AgentError) -> [StaticTargets] {
    var found: [StaticTargets] = []
    for path in paths(fileSystem) {
      let node = try read(path, fileSystem)
      guard let items = node.isNull ? [] : node.items else {
        throw AgentError("job `\(job)`: \(path): must be a list of targets and labels")
      }
      for item in items {
        do throws(ConfigurationError) {
          var section = try SettingSection(item, path: "", file: path)
          var group = StaticTargets()
          try section.read("targets", &group.targets)
          try section.read("labels", &group.labels)
          try section.finish()
          group.labels = Labels(group.labels + [Label("__meta_filepath", path)]).sorted
          for target in group.targets.isEmpty ? ["localhost"] : group.targets {
            var one = group
            one.targets = [target]
            found.append(one)
          }
        } catch { throw AgentError("job `\(job)`: \(error.description)") }
      }
    }
    return found
  }

  private func read(_ path: String, _ fileSystem: any FileSystem) throws(AgentError) -> YAMLNode {
    let bytes: [UInt8]
    do throws(SystemError) {
      bytes = try fileSystem.readWhole(path, bytesMax: Self.bytesMax)
    } catch { throw AgentError("job `\(job)`: \(error.message)") }
    do throws(YAMLError) {
      return try YAMLNode.parse(String(decoding: bytes, as: UTF8.self))
    } catch { throw AgentError("job `\(job)`: \(path): \(error.description)") }
  }
}
