/// One thing that is fed with bytes of any kind: it may refuse them, but never trap, hang, or take
/// memory that the bytes do not account for.
///
/// The fuzzer feeds it with what it makes up, `FuzzTests` with what the fuzzer kept; see
/// docs/fuzzing.md.
package struct FuzzTarget: Sendable {
  /// Names the folder in `Tests/Fuzz/Corpus`, and is what `FUZZ_TARGET` selects.
  package let name: String
  /// Traps when an invariant does not hold.
  package let run: @Sendable (UnsafeRawBufferPointer) -> Void

  package init(_ name: String, _ run: @escaping @Sendable (UnsafeRawBufferPointer) -> Void) {
    self.name = name
    self.run = run
  }

  /// All of them. A new one is a function in a file of its own and a row here.
  package static let all: [FuzzTarget] =
    [
      FuzzTarget("wal", fuzzWAL),
      FuzzTarget("segment", fuzzSegment),
      FuzzTarget("json-stage", fuzzJSONStage),
      FuzzTarget("jmespath", fuzzJMESPath),
      FuzzTarget("logfmt-stage", fuzzLogfmtStage),
      FuzzTarget("container-stages", fuzzContainerStages),
      FuzzTarget("regex-stage", fuzzRegexStage),
      FuzzTarget("timestamp-stage", fuzzTimestampStage),
      FuzzTarget("template-stage", fuzzTemplateStage),
      FuzzTarget("eventlogmessage", fuzzEventLogMessage),
      FuzzTarget("syslog-framing", fuzzSyslogFraming),
      FuzzTarget("syslog-message", fuzzSyslogMessage),
      FuzzTarget("gelf-message", fuzzGELFMessage),
      FuzzTarget("gelf-chunks", fuzzGELFChunks),
      FuzzTarget("cri-assembling", fuzzCRIAssembling),
      FuzzTarget("multiline-stage", fuzzMultiline),
      FuzzTarget("replace-stage", fuzzReplaceStage),
      FuzzTarget("replace-template", fuzzReplaceTemplate),
      FuzzTarget("pattern-stage", fuzzPatternStage),
      FuzzTarget("split-json-stage", fuzzSplitJSON),
      FuzzTarget("pack-stage", fuzzPackStage),
      FuzzTarget("luhn-stage", fuzzLuhnStage),
      FuzzTarget("truncate-stage", fuzzTruncateStage),
      FuzzTarget("drop-stage", fuzzDropStage),
      FuzzTarget("match-selector", fuzzMatchSelector),
      FuzzTarget("label-stages", fuzzLabelStages),
      FuzzTarget("metrics-stage", fuzzMetricsStage),
      FuzzTarget("stage-settings", fuzzStageSettings),
      FuzzTarget("configuration", fuzzConfiguration),
      FuzzTarget("relabeling", fuzzRelabeling),
      FuzzTarget("journal-entry", fuzzJournalEntry),
      FuzzTarget("journal-matches", fuzzJournalMatches),
      FuzzTarget("positions", fuzzPositions),
      FuzzTarget("queue-segment", fuzzQueueSegment),
      FuzzTarget("line-reader", fuzzLineReader),
      FuzzTarget("inflated-file", fuzzInflatedFile),
      FuzzTarget("push-request", fuzzPushRequest),
      FuzzTarget("push-json", fuzzPushJSON),
      FuzzTarget("push-protobuf", fuzzPushProtobuf),
      FuzzTarget("otlp-logs", fuzzOTLPLogs),
      FuzzTarget("json", fuzzJSON),
      FuzzTarget("lz4", fuzzLZ4),
      FuzzTarget("otlp-spans-protobuf", fuzzOTLPSpansProtobuf),
      FuzzTarget("otlp-spans-json", fuzzOTLPSpansJSON),
      FuzzTarget("jaeger-thrift", fuzzJaegerThrift),
      FuzzTarget("jaeger-datagram", fuzzJaegerDatagram),
      FuzzTarget("jaeger-document", fuzzJaegerDocument),
      FuzzTarget("zipkin-json", fuzzZipkinJSON),
      FuzzTarget("zipkin-protobuf", fuzzZipkinProtobuf),
      FuzzTarget("zipkin-thrift", fuzzZipkinThrift),
      FuzzTarget("traceql", fuzzTraceQL),
      FuzzTarget("jaeger-search", fuzzJaegerSearch),
      FuzzTarget("span-wal", fuzzSpanWAL),
      FuzzTarget("span-block", fuzzSpanBlock),
      FuzzTarget("span-index", fuzzSpanIndex),
      FuzzTarget("span-column", fuzzSpanColumn),
      FuzzTarget("logql", fuzzLogQL),
      FuzzTarget("text-template", fuzzTextTemplate),
      FuzzTarget("logql-json", fuzzLogQLJSON),
      FuzzTarget("logql-json-fields", fuzzLogQLJSONFields),
      FuzzTarget("logql-logfmt", fuzzLogQLLogfmt),
      FuzzTarget("logql-unpack", fuzzLogQLUnpack),
      FuzzTarget("logql-pattern", fuzzLogQLPattern),
      FuzzTarget("logql-regexp", fuzzLogQLRegexp),
      FuzzTarget("logql-numbers", fuzzLogQLNumbers),
      FuzzTarget("websocket", fuzzWebSocket),
      FuzzTarget("http-form", fuzzHTTPForm),
      FuzzTarget("query-parameters", fuzzQueryParameters),
      FuzzTarget("log-answers", fuzzLogAnswers),
      FuzzTarget("block-header", fuzzBlockHeader),
      FuzzTarget("plain-block", fuzzPlainBlock),
      FuzzTarget("log-lines", fuzzLogLines),
      FuzzTarget("column-index", fuzzColumnIndex),
      FuzzTarget("json-shape", fuzzJSONShape),
      FuzzTarget("stream-index", fuzzStreamIndex),
      FuzzTarget("fuse-filter", fuzzFuseFilter),
      FuzzTarget("push-record", fuzzPushRecord),
      FuzzTarget("delete", fuzzDelete),
      FuzzTarget("catalog", fuzzCatalog),
      FuzzTarget("deletes", fuzzDeletes),
    ] + columnTargets

  /// Right inputs that are made anew, by target and name.
  package static var seeds: [(target: String, name: String, bytes: [UInt8])] { SpanFixture.seeds }
}
