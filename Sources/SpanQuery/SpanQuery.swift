import Bytes
package import LinuxIO
package import SpanStore
package import TelemetryModel
import TraceFormats

/// Questions about traces, answered from a ``SpanSource`` on a pool of threads that may block.
///
/// Safe to use from any task. Throws ``SpanStoreError`` as the source does.
package struct SpanQuery: Sendable {
  let source: any SpanSource
  private let executor: BlockingExecutor

  package init(source: any SpanSource, executor: BlockingExecutor) {
    self.source = source
    self.executor = executor
  }

  nonisolated(nonsending)
    func onPool<Answer: Sendable>(
      _ body: @escaping @Sendable (any SpanSource) throws(SpanStoreError) -> Answer
    ) async throws(SpanStoreError) -> Answer
  {
    let source = source
    return try await executor.run { () throws(SpanStoreError) in try body(source) }
  }

  /// Does work on the pool that would hold up a network loop, such as writing an answer.
  nonisolated(nonsending)
    package func work<Answer: Sendable>(
      _ body: @escaping @Sendable () -> Answer
    ) async throws(SpanStoreError) -> Answer
  {
    try await onPool { _ throws(SpanStoreError) in body() }
  }

  /// The spans of a trace as they were stored; empty when there is none.
  nonisolated(nonsending)
    package func trace(_ id: TraceID, tenant: TenantID) async throws(SpanStoreError)
    -> [ResourceSpans]
  {
    try await onPool { source throws(SpanStoreError) in
      try source.trace(id, tenant: tenant)
    }
  }

  /// The names of all services as Jaeger shows them, sorted.
  nonisolated(nonsending)
    package func services(tenant: TenantID) async throws(SpanStoreError) -> [String]
  {
    try await onPool { source throws(SpanStoreError) in
      let names = try source.services(tenant: tenant)
      return Set(texts: names.map { $0.isEmpty ? ServiceNames.missing : $0 }).sortedTexts()
    }
  }

  /// The operations of a service under the name that Jaeger shows; sorted by name and kind.
  nonisolated(nonsending)
    package func operations(tenant: TenantID, service: String) async throws(SpanStoreError)
    -> [SpanOperation]
  {
    try await onPool { source throws(SpanStoreError) in
      try source.operations(tenant: tenant, service: ServiceNames.stored(service)).map {
        $0.name.isEmpty ? SpanOperation(name: ServiceNames.emptyOperation, kind: $0.kind) : $0
      }
    }
  }
}

/// The names that Jaeger shows for services and operations without one.
enum ServiceNames {
  static let missing = JaegerNaming.service(Resource())
  static let emptyOperation = JaegerNaming.operation(Span())

  /// The name under which the store knows what Jaeger shows as `name`.
  static func stored(_ name: String) -> String {
    let empty = JaegerNaming.service(Resource(attributes: [Attribute("service.name", .string(""))]))
    return name == missing || name == empty ? "" : name
  }
}
