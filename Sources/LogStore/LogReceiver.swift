/// What takes pushes: the store, or a test's stand-in.
package protocol LogReceiver: Sendable {
  /// Takes the rows of a push; returns when they are durable.
  ///
  /// Rows over a limit are left out, the others kept, and the error that is thrown then names
  /// the ones left out, with the status that Loki answers.
  func append(_ push: LogPush) async throws(LogStoreError)
}
