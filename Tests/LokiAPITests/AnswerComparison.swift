import Foundation

/// Compares an answer with a recorded one by the rules of the judge that comes with the
/// recordings; nil when they agree, or what differs.
func difference(_ recorded: Recorded.Case, status: Int, body: Data) -> String? {
  guard status == recorded.status else {
    return "status \(status), want \(recorded.status): "
      + String(decoding: body.prefix(200), as: UTF8.self)
  }
  if recorded.kind == "error" || recorded.status != 200 {
    return body.isEmpty ? "an empty body" : nil
  }
  guard let want = recorded.body as? [String: Any] else { return "no recorded object" }
  guard let got = try? JSONSerialization.jsonObject(with: body) as? [String: Any] else {
    return "no JSON object"
  }
  if ["range", "instant", "volume"].contains(recorded.kind),
    let wantData = want["data"] as? [String: Any], wantData["resultType"] != nil
  {
    return resultDifference(recorded, got["data"] as? [String: Any] ?? [:], wantData)
  }
  if recorded.path.hasSuffix("/index/stats") {
    let same = ["streams", "entries"].allSatisfy { got[$0] as? Int == want[$0] as? Int }
    return same ? nil : "\(got), want \(want)"
  }
  if recorded.kind == "detected" {
    for field in ["fields", "detectedLabels", "values"] where want[field] != nil {
      let (a, b) = (names(got[field]), names(want[field]))
      return a == b ? nil : "missing \(b.subtracting(a)), extra \(a.subtracting(b))"
    }
  }
  if want["data"] is [Any] || want["data"] == nil {
    let (a, b) = (canonical(got["data"]), canonical(want["data"]))
    return a == b ? nil : "data \(a.prefix(3)), want \(b.prefix(3))"
  }
  return got["data"] as? String == want["data"] as? String
    ? nil : "\(got["data"] ?? ""), want \(want["data"] ?? "")"
}

private func text(_ value: Any) -> String {
  if let text = value as? String { return text }
  let data = try? JSONSerialization.data(
    withJSONObject: value, options: [.sortedKeys, .fragmentsAllowed, .withoutEscapingSlashes])
  return String(decoding: data ?? Data(), as: UTF8.self)
}

private func canonical(_ value: Any?) -> [String] { (value as? [Any] ?? []).map(text).sorted() }

private func names(_ value: Any?) -> Set<String> {
  Set(
    (value as? [Any] ?? []).map { item in
      guard let object = item as? [String: Any] else { return text(item) }
      return text(object.filter { ["label", "type", "parsers"].contains($0.key) })
    })
}

private func sameNumber(_ a: Any, _ b: Any) -> Bool {
  guard let x = Double("\(a)"), let y = Double("\(b)") else { return "\(a)" == "\(b)" }
  if x.isNaN || y.isNaN { return x.isNaN && y.isNaN }
  return x == y || abs(x - y) <= max(1e-6 * max(abs(x), abs(y)), 1e-12)
}

private func sameSamples(_ a: [[Any]], _ b: [[Any]]) -> Bool {
  a.count == b.count
    && zip(a, b).allSatisfy { sameNumber($0[0], $1[0]) && sameNumber($0[1], $1[1]) }
}

private func entriesByStream(_ result: [[String: Any]]) -> [String: [String]] {
  var streams: [String: [String]] = [:]
  for stream in result {
    streams[text(stream["stream"] ?? [:]), default: []] +=
      (stream["values"] as? [[Any]] ?? []).map { "\($0[0]) \($0[1])" }
  }
  return streams.mapValues { $0.sorted() }
}

private func resultDifference(
  _ recorded: Recorded.Case, _ got: [String: Any], _ want: [String: Any]
) -> String? {
  let kind = want["resultType"] as? String ?? ""
  guard got["resultType"] as? String == kind else {
    return "resultType \(got["resultType"] ?? ""), want \(kind)"
  }
  if kind == "scalar" {
    return sameSamples([got["result"] as? [Any] ?? []], [want["result"] as? [Any] ?? []])
      ? nil : "scalar \(got["result"] ?? ""), want \(want["result"] ?? "")"
  }
  let gotSeries = got["result"] as? [[String: Any]] ?? []
  let wantSeries = want["result"] as? [[String: Any]] ?? []
  if kind == "streams" {
    let (a, b) = (entriesByStream(gotSeries), entriesByStream(wantSeries))
    if Set(a.keys) != Set(b.keys) { return keyDifference(Set(a.keys), Set(b.keys)) }
    for (key, entries) in b where a[key] != entries {
      let missing = entries.filter { !(a[key] ?? []).contains($0) }.prefix(2)
      return "entries of \(key): \(a[key]?.count ?? 0), want \(entries.count); \(missing)"
    }
    return nil
  }
  var (a, b): ([String: [String: Any]], [String: [String: Any]]) = ([:], [:])
  for series in gotSeries { a[text(series["metric"] ?? [:])] = series }
  for series in wantSeries { b[text(series["metric"] ?? [:])] = series }
  if Set(a.keys) != Set(b.keys) { return keyDifference(Set(a.keys), Set(b.keys)) }
  if recorded.kind == "volume" { return nil }
  for (key, series) in b {
    let (mine, theirs) =
      kind == "matrix"
      ? (a[key]?["values"] as? [[Any]] ?? [], series["values"] as? [[Any]] ?? [])
      : ([a[key]?["value"] as? [Any] ?? []], [series["value"] as? [Any] ?? []])
    if !sameSamples(mine, theirs) {
      let differing = zip(mine, theirs).first { !sameSamples([$0], [$1]) }
      return "\(key): \(mine.count) samples, want \(theirs.count); \(String(describing: differing))"
    }
  }
  let query = recorded.parameters.first { $0.name == "query" }?.value ?? ""
  if kind == "vector", query.hasPrefix("sort") {
    let order = { (all: [[String: Any]]) in all.map { text(($0["value"] as? [Any] ?? [0, 0])[1]) } }
    if order(gotSeries) != order(wantSeries) { return "the order of a sorted vector" }
  }
  return nil
}

private func keyDifference(_ got: Set<String>, _ want: Set<String>) -> String {
  "\(got.count) series, want \(want.count); missing \(want.subtracting(got).sorted().prefix(2)); "
    + "extra \(got.subtracting(want).sorted().prefix(2))"
}
