import Bytes

/// A field of a span that a query names: an attribute or an intrinsic.
package enum TraceField: Hashable, Sendable {
  case attribute(TraceScope, String)
  /// The same attribute of the span's parent.
  case parentAttribute(TraceScope, String)
  case intrinsic(TraceIntrinsic)

  /// Names are the same when their bytes are: see ``ByteText``.
  package static func == (a: TraceField, b: TraceField) -> Bool {
    switch (a, b) {
    case (.attribute(let x, let name), .attribute(let y, let other)),
      (.parentAttribute(let x, let name), .parentAttribute(let y, let other)):
      x == y && name.hasSameBytes(as: other)
    case (.intrinsic(let x), .intrinsic(let y)): x == y
    default: false
    }
  }

  package func hash(into hasher: inout Hasher) {
    switch self {
    case .attribute(let scope, let name), .parentAttribute(let scope, let name):
      hasher.combine(scope)
      name.hashBytes(into: &hasher)
    case .intrinsic(let intrinsic): hasher.combine(intrinsic)
    }
  }

  /// What the field's values are, as far as the name tells.
  var type: TraceValue.ValueType {
    guard case .intrinsic(let intrinsic) = self else { return .unknown }
    return intrinsic.type
  }

  /// How a query writes it; the label of a series that is grouped by it.
  package var text: String {
    switch self {
    case .attribute(let scope, let name): scope.prefix + Self.quoted(name)
    case .parentAttribute(let scope, let name):
      if scope == .any, ["span.", "resource."].contains(where: name.hasPrefix) {
        // Without quotes the name would begin with a scope.
        "parent.\"" + Self.escaped(name) + "\""
      } else {
        "parent" + (scope == .any ? "." : "." + scope.prefix) + Self.quoted(name)
      }
    case .intrinsic(let intrinsic): intrinsic.rawValue
    }
  }

  /// What stands between double quotes for `text`. The quotes of a name hold line breaks as they
  /// are and know no escape for them; those of a value are the other way round.
  static func escaped(_ text: String, lineBreaks: Bool = false) -> String {
    text.unicodeScalars.reduce(into: "") { out, scalar in
      if scalar == "\n", lineBreaks { return out += "\\n" }
      if scalar == "\"" || scalar == "\\" { out += "\\" }
      out.unicodeScalars.append(scalar)
    }
  }

  private static func quoted(_ name: String) -> String {
    guard name.unicodeScalars.contains(where: { !TraceQLLexer.isOfAttribute($0) || $0 == "\"" })
    else { return name }
    return "\"" + escaped(name) + "\""
  }
}

/// Where an attribute stands.
package enum TraceScope: String, Hashable, Sendable, CaseIterable {
  /// On the span or else on its resource, an event, a link or the scope: the first that has it.
  case any = "none"
  case span, resource, event, link, instrumentation

  var prefix: String { self == .any ? "." : rawValue + "." }
}

/// What every span has without being an attribute, under the name that queries print it with.
package enum TraceIntrinsic: String, Hashable, Sendable, CaseIterable {
  case duration, name, status, statusMessage, kind, parent
  case childCount = "span:childCount"
  case spanID = "span:id"
  case parentID = "span:parentID"
  case rootName
  case rootServiceName
  case traceDuration
  case traceID = "trace:id"
  case eventName = "event:name"
  case eventTimeSinceStart = "event:timeSinceStart"
  case linkSpanID = "link:spanID"
  case linkTraceID = "link:traceID"
  case instrumentationName = "instrumentation:name"
  case instrumentationVersion = "instrumentation:version"
  case nestedSetLeft, nestedSetRight, nestedSetParent

  /// The intrinsic that a query calls `name`, with its scope or by its old name.
  package init?(name: String) {
    if let known = Self.scoped[name] {
      self = known
    } else if let known = TraceIntrinsic(rawValue: name), !name.contains(":") {
      self = known
    } else {
      return nil
    }
  }

  private static let scoped: [String: TraceIntrinsic] = [
    "childCount": .childCount,
    "span:duration": .duration, "span:name": .name, "span:status": .status,
    "span:statusMessage": .statusMessage, "span:kind": .kind, "span:childCount": .childCount,
    "span:id": .spanID, "span:parentID": .parentID, "trace:duration": .traceDuration,
    "trace:rootName": .rootName, "trace:rootService": .rootServiceName, "trace:id": .traceID,
    "event:name": .eventName, "event:timeSinceStart": .eventTimeSinceStart,
    "link:spanID": .linkSpanID, "link:traceID": .linkTraceID,
    "instrumentation:name": .instrumentationName,
    "instrumentation:version": .instrumentationVersion,
  ]

  var type: TraceValue.ValueType {
    switch self {
    case .duration, .traceDuration, .eventTimeSinceStart: .duration
    case .status: .status
    case .kind: .kind
    case .childCount, .nestedSetLeft, .nestedSetRight, .nestedSetParent: .int
    case .parent: .absent
    default: .string
    }
  }
}
