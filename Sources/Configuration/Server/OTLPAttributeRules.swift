import Regex

/// What becomes of the attributes of OTLP logs: Loki's `otlp_config`, with its names.
package struct OTLPAttributeRules: Hashable, Sendable {
  /// What is done with an attribute.
  package enum Action: String, CaseIterable, Hashable, Sendable {
    case indexLabel = "index_label"
    case structuredMetadata = "structured_metadata"
    case drop
  }

  /// One rule: for attributes by name, or for those whose whole name a regex matches.
  package struct Rule: Hashable, Sendable {
    package var action = Action.structuredMetadata
    package var attributes: [String] = []
    /// RE2; empty for none.
    package var pattern = ""
  }

  /// The first rule that fits counts; attributes without one become structured metadata.
  package var resource = [Rule(action: .indexLabel, attributes: Self.defaultIndexLabels)]
  package var scope: [Rule] = []
  package var log: [Rule] = []
  /// Whether a record's severity text becomes a label too.
  package var severityTextAsLabel = false

  package init() {}

  /// The resource attributes that are labels where nothing else is said.
  package static let defaultIndexLabels = [
    "service.name", "service.namespace", "service.instance.id", "deployment.environment",
    "deployment.environment.name", "cloud.region", "cloud.availability_zone", "k8s.cluster.name",
    "k8s.namespace.name", "k8s.pod.name", "k8s.container.name", "container.name",
    "k8s.replicaset.name", "k8s.deployment.name", "k8s.statefulset.name", "k8s.daemonset.name",
    "k8s.cronjob.name", "k8s.job.name",
  ]

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    self.init()
    if var inner = try section.section("resource_attributes") {
      var ignoresDefaults = false
      try inner.read("ignore_defaults", &ignoresDefaults)
      let own = try Self.rules(&inner, "attributes_config")
      resource = (ignoresDefaults ? [] : resource) + own
      try inner.finish()
    }
    scope = try Self.rules(&section, "scope_attributes")
    if scope.contains(where: { $0.action == .indexLabel }) {
      throw section.error(
        "scope_attributes", "cannot have `index_label`: only resource and log attributes can")
    }
    log = try Self.rules(&section, "log_attributes")
    try section.read("severity_text_as_label", &severityTextAsLabel)
    try section.finish()
  }

  private static func rules(_ section: inout SettingSection, _ key: String)
    throws(ConfigurationError) -> [Rule]
  {
    var rules: [Rule] = []
    for var inner in try section.sections(key) {
      var rule = Rule()
      try inner.read("action", &rule.action)
      try inner.read("attributes", &rule.attributes)
      try inner.read("regex", &rule.pattern)
      guard rule.attributes.isEmpty != rule.pattern.isEmpty else {
        throw inner.error("attributes", "or `regex` must be set, and not both")
      }
      if !rule.pattern.isEmpty {
        do { _ = try Regex(whole: rule.pattern) } catch {
          throw inner.error("regex", "is no valid regex: \(error)")
        }
      }
      try inner.finish()
      rules.append(rule)
    }
    return rules
  }
}
