package import TelemetryModel

/// Reads `X-Scope-OrgID` as Loki does.
package enum TenantHeader {
  /// Why a request names no tenant, with the HTTP status of the answer.
  package struct Refusal: Error, Hashable {
    package let status: Int
    package let message: String
  }

  /// The one tenant of a request that writes. Without `auth_enabled` the header means nothing.
  package static func one(_ header: String?, authEnabled: Bool) throws(Refusal) -> TenantID {
    let tenants = try all(header, authEnabled: authEnabled)
    guard tenants.count == 1 else {
      throw Refusal(status: 400, message: "multiple org IDs present")
    }
    return tenants[0]
  }

  /// The tenants of a question, `a|b` naming several; sorted, each once, never empty.
  package static func all(_ header: String?, authEnabled: Bool) throws(Refusal) -> [TenantID] {
    guard authEnabled else { return [.single] }
    let text = trimmed(header ?? "")
    let names = Set(text.split(separator: "|", omittingEmptySubsequences: false).map(String.init))
    guard names != [""] else { throw Refusal(status: 401, message: "no org id") }
    var tenants: [TenantID] = []
    var isSomeEmpty = false
    for name in names {
      guard !name.isEmpty else {
        isSomeEmpty = true
        continue
      }
      guard let tenant = TenantID(name) else { throw refusal(name) }
      tenants.append(tenant)
    }
    if isSomeEmpty { throw Refusal(status: 400, message: "multiple org IDs present") }
    return tenants.sorted()
  }

  private static func trimmed(_ text: String) -> String {
    var rest = Substring(text)
    while let first = rest.first, first == " " || first == "\t" { rest.removeFirst() }
    while let last = rest.last, last == " " || last == "\t" { rest.removeLast() }
    return String(rest)
  }

  private static func refusal(_ name: String) -> Refusal {
    if name == "." || name == ".." {
      return Refusal(status: 400, message: "tenant ID is '.' or '..'")
    }
    for byte in name.utf8 {
      let scalar = String(Unicode.Scalar(byte))
      guard TenantID("x" + scalar) == nil else { continue }
      return Refusal(
        status: 400, message: "tenant ID '\(name)' contains unsupported character '\(scalar)'")
    }
    return Refusal(status: 400, message: "tenant ID is too long: max 150 characters")
  }
}
