import Configuration
import WireFormats

/// Promtail's configuration under the key `agent:`, with its comments.
struct PromtailConversion {
  private let text: String
  private let name: String
  private let root: YAMLNode

  init(_ text: String, name: String) throws(CommandFailure) {
    self.text = text
    self.name = name
    do { root = try YAMLNode.parse(text) } catch {
      throw CommandFailure(message: "\(name): \(error.description)")
    }
    guard root.members != nil else {
      throw CommandFailure(message: "\(name): is no configuration of Promtail's")
    }
    if let own = root.members?.first(where: { $0.key == "agent" }) {
      throw CommandFailure(
        message: "\(name):\(own.keyMark.line): has a part `agent:`: it is Sluice's already")
    }
  }

  func result() -> (text: String, losses: [String]) {
    let losses = unsupported()
    if losses.isEmpty {
      let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        .filter { $0 != "---" }
      let body = lines.map { $0.isEmpty ? "" : "  \($0)" }.joined(separator: "\n")
      return ("agent:\n" + body + (body.hasSuffix("\n") ? "" : "\n"), [])
    }
    // What cannot be carried over is left out, so that the rest runs.
    var yaml = converted(root)
    var jobs: [ConvertedYAML] = []
    if case .list(let all)? = yaml["scrape_configs"] {
      for var job in all {
        for key in PromtailConversion.unknownSources { job[key] = nil }
        jobs.append(job)
      }
      yaml["scrape_configs"] = .list(jobs)
    }
    return (ConvertedYAML.map([("agent", yaml)]).document(), losses)
  }

  /// Sources and ways of discovery that the agent has not.
  static let unknownSources = [
    "azure_event_hub", "azure_event_hubs", "azure_sd_configs", "cloudflare", "consul_sd_configs",
    "consulagent_sd_configs", "digitalocean_sd_configs", "dns_sd_configs", "docker_sd_configs",
    "dockerswarm_sd_configs", "ec2_sd_configs", "gce_sd_configs", "gcplog", "heroku_drain",
    "kafka", "kubernetes_sd_configs", "marathon_sd_configs", "nerve_sd_configs",
    "openstack_sd_configs", "serverset_sd_configs", "triton_sd_configs", "windows_events",
  ]

  private func unsupported() -> [String] {
    (root["scrape_configs"]?.items ?? []).flatMap { job in
      (job.members ?? []).filter { Self.unknownSources.contains($0.key) }.map { member in
        "\(name):\(member.keyMark.line): `\(member.key)` of job "
          + "`\(job["job_name"]?.scalar?.text ?? "")`"
      }
    }
  }

  /// The tree as it is; references to the environment stay what they are.
  private func converted(_ node: YAMLNode) -> ConvertedYAML {
    switch node {
    case .scalar(let scalar):
      if scalar.isNull { return .null }
      if scalar.isPlain, scalar.boolValue != nil || scalar.doubleValue != nil {
        return .plain(scalar.text)
      }
      return .text(
        scalar.text.replacing(/\$\{([^}]*)\}/) { ConvertedYAML.environment(String($0.1)) })
    case .sequence(let items, _): return .list(items.map(converted))
    case .mapping(let members, _):
      return .map(members.map { ($0.key, converted($0.value)) })
    }
  }
}
