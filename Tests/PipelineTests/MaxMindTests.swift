import Foundation
import Testing

/// A database written here by the format's description (maxmind.github.io/MaxMind-DB), with one
/// network of each family.
@Suite struct MaxMindTests {
  private static func text(_ value: String) -> [UInt8] {
    let bytes = Array(value.utf8)
    guard bytes.count >= 29 else { return [0x40 | UInt8(bytes.count)] + bytes }
    return [0x40 | 29, UInt8(bytes.count - 29)] + bytes
  }

  private static func map(_ members: [(String, [UInt8])]) -> [UInt8] {
    [0xe0 | UInt8(members.count)] + members.flatMap { text($0.0) + $0.1 }
  }

  private static func double(_ value: Double) -> [UInt8] {
    [0x68] + (0..<8).map { UInt8(truncatingIfNeeded: value.bitPattern >> UInt64(56 - $0 * 8)) }
  }

  private static func list(_ items: [[UInt8]]) -> [UInt8] {
    [UInt8(items.count), 4] + items.joined()
  }

  /// IPv6 tree whose first bits lead `2001:db8::/32` and `::192.0.2.0/120` to one record.
  private static func database(_ type: String, _ record: [UInt8]) -> [UInt8] {
    var nodes: [[Int?]] = [[nil, nil]]
    func insert(_ bits: [Int]) {
      var at = 0
      for (index, bit) in bits.enumerated() {
        if index == bits.count - 1 {
          nodes[at][bit] = -1
        } else if let next = nodes[at][bit] {
          at = next
        } else {
          nodes.append([nil, nil])
          nodes[at][bit] = nodes.count - 1
          at = nodes.count - 1
        }
      }
    }
    func bits(_ bytes: [UInt8], _ count: Int) -> [Int] {
      (0..<count).map { Int(bytes[$0 / 8] >> UInt8(7 - $0 % 8)) & 1 }
    }
    insert(bits([0x20, 0x01, 0x0d, 0xb8], 32))
    insert(bits([UInt8](repeating: 0, count: 12) + [192, 0, 2], 120))
    var out: [UInt8] = []
    for node in nodes {
      for branch in node {
        let value = branch.map { $0 == -1 ? nodes.count + 16 : $0 } ?? nodes.count
        out += [16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) }
      }
    }
    out += [UInt8](repeating: 0, count: 16) + record
    out += [0xab, 0xcd, 0xef] + Array("MaxMind.com".utf8)
    return out
      + map([
        ("binary_format_major_version", [0xa1, 2]), ("binary_format_minor_version", [0xa0]),
        ("build_epoch", [0x04, 2, 0x65, 0, 0, 0]), ("database_type", text(type)),
        ("description", map([])), ("ip_version", [0xa1, 6]), ("languages", list([])),
        ("node_count", [0xc4, 0, 0, UInt8(nodes.count >> 8), UInt8(nodes.count & 255)]),
        ("record_size", [0xa1, 24]),
      ])
  }

  private static func place() -> [UInt8] {
    func named(_ name: String) -> (String, [UInt8]) { ("names", map([("en", text(name))])) }
    return map([
      ("city", map([named("Kilnhof")])),
      ("country", map([("iso_code", text("XK")), named("Kilnland")])),
      ("location", map([("latitude", double(0)), ("longitude", double(-12.5))])),
      ("subdivisions", list([map([("iso_code", text("A"))]), map([("iso_code", text("B"))])])),
      ("extra", map([("asn", [0xc2, 0x12, 0x34])])),
    ])
  }

  private func withDatabase<T>(_ type: String, _ record: [UInt8], _ body: (String) throws -> T)
    throws -> T
  {
    let file = FileManager.default.temporaryDirectory.appending(
      path: "sluice-\(UUID().uuidString).mmdb")
    try Data(Self.database(type, record)).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    return try body(file.path)
  }

  @Test func placesBecomeLabels() throws {
    try withDatabase("GeoLite2-City", Self.place()) { path in
      let rig = try PipelineRig(
        """
        - regex: {expression: '^(?P<ip>\\S+)'}
        - geoip: {db: \(path), source: ip, db_type: city}
        """)
      let out = rig.run("192.0.2.77", "2001:db8::1", "192.0.3.1", "host.example", "192.0.2")
      let place = [
        "job": "t", "geoip_city_name": "Kilnhof", "geoip_country_name": "Kilnland",
        "geoip_location_latitude": "0", "geoip_location_longitude": "-12.5",
        "geoip_subdivision_code": "B",
      ]
      #expect(out.map(\.labels) == [place, place, ["job": "t"], ["job": "t"], ["job": "t"]])
    }
  }

  @Test func lookupsGoIntoTheExtractedMap() throws {
    try withDatabase("GeoLite2-Country", Self.place()) { path in
      let rig = try PipelineRig(
        """
        - regex: {expression: '^(?P<ip>\\S+)'}
        - geoip:
            {db: \(path), source: ip, db_type: country, target: extracted,
            custom_lookups: {number: extra.asn, none: nothing}}
        - labels: {number: , geoip_country_code: , none: }
        """)
      #expect(
        rig.run("192.0.2.1")[0].labels == [
          "job": "t", "number": "4660", "geoip_country_code": "XK",
        ])
    }
  }

  @Test func damagedDatabasesAreRefused() throws {
    let file = FileManager.default.temporaryDirectory.appending(
      path: "sluice-\(UUID().uuidString).mmdb")
    try Data("not a database".utf8).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    #expect(throws: (any Error).self) {
      try PipelineRig("- geoip: {db: \(file.path), source: ip, db_type: city}")
    }
  }
}
