import Bytes
import TelemetryModel

/// Postings per label pair over a list of streams: which streams, by ordinal, have which pair.
struct LabelIndex {
  private var postings: [ByteText: [ByteText: [UInt32]]] = [:]
  private var tenants: [TenantID: [UInt32]] = [:]
  private(set) var count = 0

  /// Adds the stream that has the next ordinal.
  mutating func append(_ stream: StreamReference) {
    let ordinal = UInt32(count)
    count += 1
    tenants[stream.tenant, default: []].append(ordinal)
    for label in stream.labels.sorted {
      postings[label.name, default: [:]][label.value, default: []].append(ordinal)
    }
  }

  /// The streams of `tenants` for which all matchers hold.
  func streams(_ wanted: [TenantID], _ matchers: [CompiledMatcher]) -> StreamSet {
    var result = StreamSet(capacity: count)
    for tenant in wanted {
      if let ordinals = tenants[tenant] { result.insert(ordinals) }
    }
    for matcher in matchers {
      if result.isEmpty { break }
      apply(matcher, to: &result)
    }
    return result
  }

  private func apply(_ matcher: CompiledMatcher, to result: inout StreamSet) {
    let values = postings[matcher.name] ?? [:]
    var found = StreamSet(capacity: count)
    if let exact = matcher.exactValues {
      for value in exact {
        if let ordinals = values[value] { found.insert(ordinals) }
      }
      result.formIntersection(found)
      return
    }
    // A stream without the label counts as the empty value: then the ones that fail are fewer.
    for (value, ordinals) in values where matcher.matches(value.text) != matcher.matchesEmpty {
      found.insert(ordinals)
    }
    if matcher.matchesEmpty {
      result.subtract(found)
    } else {
      result.formIntersection(found)
    }
  }
}
