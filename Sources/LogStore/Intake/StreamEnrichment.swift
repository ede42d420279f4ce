import TelemetryModel

/// What the store adds to rows as they come: `service_name`, normal names of structured
/// metadata, and `detected_level`. The same rows always give the same result, so that a push can
/// be kept as it came and be enriched again when it is replayed.
struct StreamEnrichment {
  /// How rows were enriched, as one byte of a record of the write-ahead log.
  struct Policy: OptionSet, Hashable {
    let rawValue: UInt8
    /// `service_name` from the default labels.
    static let serviceName = Policy(rawValue: 1)
    /// `detected_level` from the default fields.
    static let levels = Policy(rawValue: 2)
  }

  private let serviceNameLabels: [String]
  private let levels: LevelDetector?
  private let levelFields: [String]
  /// nil when the limits differ from what a byte can say.
  let policy: Policy?

  init(limits: IntakeLimits) {
    let detects = limits.discoverLogLevels && limits.allowStructuredMetadata
    serviceNameLabels = limits.discoverServiceName
    let fields =
      limits.logLevelFields.isEmpty ? IntakeLimits.defaultLevelFields : limits.logLevelFields
    levelFields = fields
    levels =
      detects
      ? LevelDetector(fields: fields, jsonDepthMax: limits.logLevelFromJSONMaxDepth) : nil
    var policy: Policy = []
    var isSayable = true
    if !serviceNameLabels.isEmpty {
      policy.insert(.serviceName)
      isSayable = serviceNameLabels == IntakeLimits.defaultServiceNameLabels
    }
    if detects {
      policy.insert(.levels)
      isSayable =
        isSayable && fields == IntakeLimits.defaultLevelFields
        && limits.logLevelFromJSONMaxDepth == 2
    }
    self.policy = isSayable ? policy : nil
  }

  init(policy: Policy) {
    var limits = IntakeLimits()
    if !policy.contains(.serviceName) { limits.discoverServiceName = [] }
    limits.discoverLogLevels = policy.contains(.levels)
    self.init(limits: limits)
  }

  /// The labels with `service_name`, unless they have one or are Loki's own.
  func enriched(_ labels: Labels) -> Labels {
    guard !serviceNameLabels.isEmpty, labels["service_name"] == nil,
      labels["__aggregated_metric__"] == nil, labels["__pattern__"] == nil
    else { return labels }
    var name = "unknown_service"
    for candidate in serviceNameLabels {
      if let value = labels[candidate], !value.isEmpty {
        name = value
        break
      }
    }
    var sorted = labels.sorted
    let place = sorted.firstIndex { $0.name > "service_name" } ?? sorted.count
    sorted.insert(Label("service_name", name), at: place)
    return Labels(sorted)
  }

  /// Gives each row normal structured metadata and its level. Labels are enriched before.
  func enrich(_ rows: inout StreamRows) throws(LogStoreError) {
    if !rows.structuredMetadata.isEmpty {
      for row in rows.structuredMetadata.indices where !rows.structuredMetadata[row].isEmpty {
        rows.structuredMetadata[row] = try MetadataNames.normalized(rows.structuredMetadata[row])
      }
    }
    guard let levels else { return }
    let labels = rows.labels
    let ofStream = levelFields.lazy.compactMap { labels[$0] }.first.map(Self.normalizedLevel)
    if rows.structuredMetadata.isEmpty {
      addLevels(levels, ofStream, to: &rows)
    } else {
      for row in 0..<rows.count { addLevel(levels, ofStream, row, to: &rows) }
    }
  }

  /// One list for each level, shared by all rows that have no other metadata.
  private static let alone = DetectedLevel.allCases.map { [Label("detected_level", $0.name)] }

  private func addLevels(_ levels: LevelDetector, _ ofStream: String?, to rows: inout StreamRows) {
    let alone = Self.alone
    if let ofStream {
      let list = [Label("detected_level", ofStream)]
      rows.structuredMetadata = ofStream.isEmpty ? [] : Array(repeating: list, count: rows.count)
      return
    }
    var lists: [[Label]] = []
    lists.reserveCapacity(rows.count)
    rows.lineBytes.withUnsafeBytes { bytes in
      var start = 0
      for end in rows.lineEnds {
        let level = levels.level(of: UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
        lists.append(alone[level.rawValue])
        start = end
      }
    }
    rows.structuredMetadata = lists
  }

  private func addLevel(
    _ levels: LevelDetector, _ ofStream: String?, _ row: Int, to rows: inout StreamRows
  ) {
    var pairs = rows.structuredMetadata[row]
    if let known = pairs.firstIndex(where: { $0.name == "detected_level" }) {
      pairs[known].value = Self.normalizedLevel(pairs[known].value)
      rows.structuredMetadata[row] = pairs
      return
    }
    let level: String
    if let ofStream {
      level = ofStream
    } else if let named = levelFields.lazy.compactMap({ name in
      pairs.first { $0.name == name }?.value
    }).first {
      level = Self.normalizedLevel(named)
    } else if let number = pairs.first(where: { $0.name == "severity_number" })?.value {
      level = Self.level(severityNumber: number)
    } else {
      let range = rows.lineRange(row)
      level =
        rows.lineBytes.withUnsafeBytes {
          levels.level(of: UnsafeRawBufferPointer(rebasing: $0[range]))
        }.name
    }
    guard !level.isEmpty else { return }
    let place = pairs.firstIndex { $0.name > "detected_level" } ?? pairs.count
    pairs.insert(Label("detected_level", level), at: place)
    rows.structuredMetadata[row] = pairs
  }

  private static func normalizedLevel(_ value: String) -> String {
    var copy = value
    return copy.withUTF8 { DetectedLevel(word: UnsafeRawBufferPointer($0))?.name } ?? value
  }

  /// OpenTelemetry's severity numbers: four for each level, 0 for none.
  private static func level(severityNumber text: String) -> String {
    guard let number = Int(text) else { return "info" }
    switch number {
    case 0: return "unknown"
    case ...4: return "trace"
    case ...8: return "debug"
    case ...12: return "info"
    case ...16: return "warn"
    case ...20: return "error"
    case ...24: return "fatal"
    default: return "unknown"
    }
  }
}
