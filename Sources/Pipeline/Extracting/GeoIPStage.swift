import Configuration
import LinuxIO
import WireFormats

/// `geoip`: says where an address is, by a database of MaxMind's.
///
/// As in Promtail the findings become labels; with `target: extracted` they go into the extracted
/// map as in Alloy, and so does what `custom_lookups` find in any case.
final class GeoIPStage: Stage {
  private struct Field {
    let slot: Int
    let path: [String]
    var isNumber = false
    /// The last item of `subdivisions`, which is the most exact one.
    var isSubdivision = false
  }

  private let database: MaxMindDatabase
  private let source: Int
  private let fields: [Field]
  private let setsLabels: Bool
  private let lookups: [(slot: Int, path: JMESPath)]

  init(_ stage: StageConfiguration, _ shared: StageResources) throws(ConfigurationError) {
    var section = try stage.section(shared)
    let path = try section.needed("db")
    let type: String
    var lookups: [(slot: Int, path: JMESPath)] = []
    if let inner = try section.section("custom_lookups") {
      for (name, text) in try inner.textMembers() {
        let expression = text.flatMap { $0.isEmpty ? nil : $0 } ?? name
        do { lookups.append((shared.slots.slot(name), try JMESPath(expression))) } catch {
          throw inner.error(name, "is no JMESPath expression: \(error.message)")
        }
      }
    }
    if lookups.isEmpty {
      type = try section.needed("db_type")
    } else {
      var given = ""
      try section.readText("db_type", &given)
      type = given
    }
    // Without a source Promtail loads the configuration and never finds anything.
    let name = try section.source()
    var target = "labels"
    try section.readText("target", &target)
    try section.finish()
    guard ["labels", "extracted"].contains(target) else {
      throw section.error("target", "must be labels or extracted, not `\(target)`")
    }
    do { database = try MaxMindDatabase(path: path) } catch {
      throw section.error("db", "cannot be opened: \(path): \(error.message)")
    }
    source = name.map { shared.slots.slot($0) } ?? -1
    setsLabels = target == "labels"
    self.lookups = lookups
    fields = GeoIPStage.fields(type, database.type, all: !setsLabels, shared)
    if fields.isEmpty, lookups.isEmpty {
      Log("pipeline").warn(
        "a geoip stage never finds anything", ["db_type": type, "database": database.type])
    }
  }

  /// What is looked up: nothing when the type does not fit the database.
  private static func fields(
    _ type: String, _ database: String, all: Bool, _ shared: StageResources
  ) -> [Field] {
    func field(_ name: String, _ path: String...) -> Field {
      Field(slot: shared.slots.slot("geoip_" + name), path: path)
    }
    func isOf(_ kinds: String...) -> Bool { kinds.contains { database.contains($0) } }
    let place = [
      field("country_name", "country", "names", "en"),
      field("continent_name", "continent", "names", "en"),
      field("continent_code", "continent", "code"),
    ]
    let code = field("country_code", "country", "iso_code")
    switch type {
    case "country" where isOf("Country", "City", "Enterprise", "Location"): return place + [code]
    case "city" where isOf("City", "Country", "Enterprise", "Location"):
      var fields = all ? place + [code] : place
      fields += [
        field("city_name", "city", "names", "en"), field("postal_code", "postal", "code"),
        field("timezone", "location", "time_zone"),
        field("location_latitude", "location", "latitude"),
        field("location_longitude", "location", "longitude"),
        field("subdivision_name", "names", "en"), field("subdivision_code", "iso_code"),
      ]
      for index in fields.indices.suffix(2) { fields[index].isSubdivision = true }
      for index in fields.indices.dropLast(2).suffix(2) { fields[index].isNumber = true }
      return fields
    case "asn" where isOf("ASN", "ISP"):
      var number = field("autonomous_system_number", "autonomous_system_number")
      number.isNumber = true
      return [number, field("autonomous_system_organization", "autonomous_system_organization")]
    default: return []
    }
  }

  override func process(_ entry: inout StageEntry, _ shared: StageResources) -> StageVerdict {
    guard source >= 0, let range = entry.text(source), range.count <= 64,
      let record = database.record(of: entry.string(range))
    else { return .proceed }
    for field in fields { find(field, record, &entry) }
    guard !lookups.isEmpty else { return .proceed }
    let tree = record.tree
    for (slot, path) in lookups {
      guard let value = try? path.evaluate(tree), value != .null else { continue }
      entry[slot] = entry.extracted(value)
    }
    return .proceed
  }

  private func find(_ field: Field, _ record: MaxMindRecord, _ entry: inout StageEntry) {
    if field.isNumber {
      guard let number = record.double(field.path), setsLabels || number != 0 else { return }
      guard setsLabels else {
        entry[field.slot] = .number(number)
        return
      }
      // No system has the number 0, places do.
      guard number != 0 || field.path.first == "location" else { return }
      entry.setLabel(field.slot, entry.append(Array(formatFloat(number, .general).utf8)))
      return
    }
    var path = field.path
    if field.isSubdivision {
      let count = record.count(["subdivisions"])
      guard count > 0 else { return }
      path = ["subdivisions", "\(count - 1)"] + path
    }
    guard let text = record.text(path), !text.isEmpty else { return }
    let range = entry.append(Array(text.utf8))
    if setsLabels { entry.setLabel(field.slot, range) } else { entry[field.slot] = .text(range) }
  }
}
