import TelemetryModel

extension TraceQuery {
  /// A search by tags, as Tempo's older API has it: one span must have them all.
  ///
  /// A value stands for the text and, where it is one, for the number or the flag. `name`,
  /// `status` and `service.name` are the span's and its resource's own.
  package init(tags: [(key: String, value: String)]) {
    var condition: FieldExpression?
    for tag in tags {
      let part = Self.condition(tag.key, tag.value)
      condition = condition.map { .binary(.and, $0, part) } ?? part
    }
    self.init(
      body: .spansets(
        SpansetPipeline(stages: [.spansets(.filter(condition ?? .literal(.bool(true))))])),
      hints: [])
  }

  private static func condition(_ key: String, _ value: String) -> FieldExpression {
    func equals(_ field: TraceField, _ value: TraceValue) -> FieldExpression {
      .binary(.equal, .field(field), .literal(value))
    }
    switch key {
    case "service.name": return equals(.attribute(.resource, key), .string(value))
    case "name": return equals(.intrinsic(.name), .string(value))
    case "root.name": return equals(.intrinsic(.rootName), .string(value))
    case "root.service.name": return equals(.intrinsic(.rootServiceName), .string(value))
    case "status", "status.code":
      for code in [SpanStatus.ok, SpanStatus.error, SpanStatus.unset]
      where TraceValue.statusName(code) == value.lowercased() || "\(code)" == value {
        return equals(.intrinsic(.status), .status(code))
      }
      return .literal(.bool(false))
    case "kind":
      let kinds: [SpanKind] = [.unspecified, .internal, .server, .client, .producer, .consumer]
      for kind in kinds where TraceValue.kindName(kind) == value.lowercased() {
        return equals(.intrinsic(.kind), .kind(kind))
      }
      return .literal(.bool(false))
    default: break
    }
    let field = TraceField.attribute(.any, key)
    var out = equals(field, .string(value))
    if let number = Int64(value) {
      out = .binary(.or, out, equals(field, .int(number)))
    } else if let number = Double(value), number.isFinite {
      out = .binary(.or, out, equals(field, .float(number)))
    } else if value == "true" || value == "false" {
      out = .binary(.or, out, equals(field, .bool(value == "true")))
    }
    return out
  }
}
