import Bytes
import TelemetryModel

/// Finds the patterns of a stream's lines as they come: Drain (He, Zhu, Zheng, Lyu: "Drain: An
/// Online Log Parsing Approach with Fixed Depth Tree", ICWS 2017) with Loki's parameters.
///
/// Lines with equally many tokens meet in a tree of their first tokens; at a leaf a line joins the
/// cluster that it is most like, and what differs becomes a placeholder.
struct PatternTree {
  /// Tokens that lead to a leaf, counted with the root and the count of tokens.
  private static let depthMax = 28
  /// Of a cluster's tokens, how many a line must share.
  private static let similarityMin = 0.3
  private static let childrenMax = 15
  private static let clustersMax = 300
  private static let tokensRange = 4...80

  /// Lines that are alike.
  struct Cluster {
    var tokens: [String]
    let form: PatternTokens
    /// How many lines there were in each interval, in the order of time.
    var samples: [(time: Timestamp, count: Int)] = []
    var lastUse = 0

    var pattern: String { form.pattern(tokens) }

    /// Counts a line in its interval.
    mutating func count(_ time: Timestamp) {
      let width = PatternTree.interval.nanoseconds
      let past = time.nanoseconds % width
      let start = Timestamp(nanoseconds: time.nanoseconds &- (past < 0 ? past + width : past))
      var at = samples.count
      while at > 0, samples[at - 1].time > start { at -= 1 }
      if at > 0, samples[at - 1].time == start {
        samples[at - 1].count += 1
      } else {
        samples.insert((start, 1), at: at)
      }
    }
  }

  /// The width of an interval.
  static let interval = TimeSpan.seconds(10)

  private struct Node {
    var children: [ByteText: Int] = [:]
    var clusters: [Int] = []
  }

  private var nodes = [Node()]
  private var roots: [Int: Int] = [:]
  private(set) var clusters: [Int: Cluster] = [:]
  private var nextCluster = 0
  private var uses = 0

  /// Takes one line.
  mutating func add(_ line: PatternTokens, at time: Timestamp) {
    guard Self.tokensRange.contains(line.tokens.count) else { return }
    uses += 1
    if let found = match(line.tokens) {
      var cluster = clusters.removeValue(forKey: found) ?? Cluster(tokens: [], form: line)
      for index in cluster.tokens.indices
      where !cluster.tokens[index].hasSameBytes(as: line.tokens[index]) {
        cluster.tokens[index] = PatternTokens.placeholder
      }
      cluster.count(time)
      cluster.lastUse = uses
      clusters[found] = cluster
      return
    }
    if clusters.count >= Self.clustersMax { evict() }
    var cluster = Cluster(tokens: line.tokens, form: line, lastUse: uses)
    cluster.count(time)
    clusters[nextCluster] = cluster
    place(nextCluster, line.tokens)
    nextCluster += 1
  }

  /// Forgets samples before `oldest`, and clusters without any.
  mutating func forget(before oldest: Timestamp) {
    for (id, cluster) in clusters {
      guard let first = cluster.samples.first, first.time < oldest else { continue }
      var cluster = cluster
      cluster.samples.removeAll { $0.time < oldest }
      clusters[id] = cluster.samples.isEmpty ? nil : cluster
    }
    rebuildIfStale()
  }

  var isEmpty: Bool { clusters.isEmpty }

  /// Takes away the clusters that were not used for the longest time.
  private mutating func evict() {
    let old = clusters.sorted { $0.value.lastUse < $1.value.lastUse }.prefix(Self.clustersMax / 10)
    for (id, _) in old { clusters[id] = nil }
    rebuildIfStale()
  }

  /// The tree keeps no nodes that lead to nothing.
  private mutating func rebuildIfStale() {
    guard nodes.count > 8 * Self.clustersMax, nodes.count > clusters.count * Self.depthMax else {
      return
    }
    nodes = [Node()]
    roots = [:]
    for (id, cluster) in clusters.sorted(by: { $0.key < $1.key }) { place(id, cluster.tokens) }
  }

  // MARK: the tree

  /// The cluster that a line belongs to.
  private func match(_ tokens: [String]) -> Int? {
    guard var node = roots[tokens.count] else { return nil }
    for token in tokens.prefix(min(Self.depthMax, tokens.count) - 1) {
      guard
        let next = nodes[node].children[token]
          ?? nodes[node].children[PatternTokens.placeholder]
      else { return nil }
      node = next
    }
    var best: (id: Int, shared: Int, placeholders: Int)?
    for id in nodes[node].clusters {
      guard let cluster = clusters[id], cluster.tokens.count == tokens.count else { continue }
      var shared = 0
      var placeholders = 0
      for (own, token) in zip(cluster.tokens, tokens) {
        if own == PatternTokens.placeholder {
          placeholders += 1
        } else if own.hasSameBytes(as: token) {
          shared += 1
        }
      }
      if let best, (best.shared, best.placeholders) >= (shared, placeholders) { continue }
      best = (id, shared, placeholders)
    }
    guard let best, Double(best.shared) / Double(tokens.count) >= Self.similarityMin else {
      return nil
    }
    return best.id
  }

  /// Makes the way to a new cluster.
  private mutating func place(_ id: Int, _ tokens: [String]) {
    var node = roots[tokens.count] ?? makeNode()
    roots[tokens.count] = node
    for token in tokens.prefix(min(Self.depthMax, tokens.count) - 1) {
      node = child(of: node, for: token)
    }
    nodes[node].clusters.removeAll { clusters[$0] == nil }
    nodes[node].clusters.append(id)
  }

  private mutating func makeNode() -> Int {
    nodes.append(Node())
    return nodes.count - 1
  }

  /// Tokens with digits go by the placeholder, and so do those beyond the most children.
  private mutating func child(of node: Int, for token: String) -> Int {
    if let known = nodes[node].children[token] { return known }
    let placeholder = PatternTokens.placeholder
    let other = nodes[node].children[placeholder]
    let count = nodes[node].children.count
    let hasDigits = token.unicodeScalars.contains { $0.properties.numericType != nil }
    let room = other == nil ? count + 1 < Self.childrenMax : count < Self.childrenMax
    if !hasDigits, room {
      let made = makeNode()
      nodes[node].children[token] = made
      return made
    }
    if let other { return other }
    let made = makeNode()
    nodes[node].children[placeholder] = made
    return made
  }
}
