/// Waits for what another thread does; false when it does not come within ten seconds.
package func becomes(
  isolation: isolated (any Actor)? = #isolation, _ condition: () -> Bool
) async throws -> Bool {
  for _ in 0..<2000 {
    if condition() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return false
}
