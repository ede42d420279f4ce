/// Waits for what another thread does; false when it does not come within a minute: threads of low
/// priority wait long where tests take all processors.
package func becomes(
  isolation: isolated (any Actor)? = #isolation, _ condition: () -> Bool
) async throws -> Bool {
  for _ in 0..<12_000 {
    if condition() { return true }
    try await Task.sleep(for: .milliseconds(5))
  }
  return false
}
