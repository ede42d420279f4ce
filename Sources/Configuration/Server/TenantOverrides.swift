package import LinuxIO
package import TelemetryModel
import WireFormats

/// Where the limits of single tenants stand: Loki's `runtime_config`.
package struct RuntimeSettings: Hashable, Sendable {
  /// A YAML file with `overrides:`; empty for none.
  package var file = ""
  /// How often it is looked at again.
  package var period = TimeSpan.seconds(10)

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("file", &file)
    try section.read("period", &period)
    try section.finish()
    guard period >= .seconds(1) else { throw section.error("period", "must be 1s at least") }
  }
}

/// The limits of tenants that differ from the server's.
package struct TenantOverrides: Hashable, Sendable {
  package var limits: [TenantID: Limits] = [:]

  package init() {}

  /// The limits of a tenant.
  package func limits(of tenant: TenantID, default fallback: Limits) -> Limits {
    limits[tenant] ?? fallback
  }

  /// Reads `overrides: {TENANT: {LIMIT: VALUE}}`; what a tenant does not name is as in `base`.
  ///
  /// Throws ``ConfigurationError`` that names file, line and column.
  package static func parse(text: String, name: String, base: Limits) throws(ConfigurationError)
    -> TenantOverrides
  {
    let root: YAMLNode
    do { root = try YAMLNode.parse(text) } catch {
      throw ConfigurationError(file: name, mark: error.mark, message: error.message)
    }
    var section = try SettingSection(root, path: "", file: name)
    var overrides = TenantOverrides()
    if let tenants = try section.section("overrides") {
      for member in tenants.allMembers {
        guard let tenant = TenantID(member.key) else {
          throw tenants.error(member.key, "is no name of a tenant")
        }
        var inner = try SettingSection(
          member.value, path: "overrides.\(member.key)", file: name)
        overrides.limits[tenant] = try Limits(&inner, over: base)
      }
    }
    try section.finish()
    return overrides
  }

  /// The same of the file at `path`. Blocks.
  package static func load(
    path: String, base: Limits, fileSystem: any FileSystem = RealFileSystem()
  ) throws(ConfigurationError) -> TenantOverrides {
    let bytes: [UInt8]
    do { bytes = try fileSystem.readWhole(path, bytesMax: Configuration.fileBytesMax) } catch {
      throw ConfigurationError(
        file: path, mark: nil, message: "cannot be read: \(error.message)")
    }
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw ConfigurationError(file: path, mark: nil, message: "is not UTF-8 text")
    }
    return try parse(text: text, name: path, base: base)
  }
}

/// Requests to delete lines.
package struct DeleteSettings: Hashable, Sendable {
  /// Whether they are taken at all; tenants are told apart by `limits.deletion_mode`.
  package var enabled = true
  /// How long a request can be taken back before it has an effect.
  package var cancelPeriod = TimeSpan.hours(24)

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("enabled", &enabled)
    try section.read("cancel_period", &cancelPeriod)
    try section.finish()
  }
}

/// The finder of patterns in lines: Loki's `pattern_ingester`.
package struct PatternSettings: Hashable, Sendable {
  package var enabled = false
  /// How long what was found is kept in memory.
  package var retention = TimeSpan.hours(3)

  package init() {}

  init(_ section: inout SettingSection) throws(ConfigurationError) {
    try section.read("enabled", &enabled)
    try section.read("retention", &retention)
    try section.finish()
    guard retention >= .minutes(1) else { throw section.error("retention", "must be 1m at least") }
  }
}
