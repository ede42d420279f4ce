/// What is stored of a source: a key that names it and bytes that only the source understands.
///
/// Keys are `file:<number>` and `journal:<job>`. An empty value forgets the key.
package struct SourcePosition: Hashable, Sendable {
  package var key: String
  package var value: [UInt8]

  package init(key: String, value: [UInt8]) {
    self.key = key
    self.value = value
  }
}
