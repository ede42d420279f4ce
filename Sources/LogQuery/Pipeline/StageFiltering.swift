import LogQL
import LogStore
import TelemetryModel

/// Rows that a query's stages let pass, for deletes.
private struct PipelineFilter: StageFilter {
  var pipeline: LogPipeline

  mutating func passes(
    line: UnsafeRawBufferPointer, at timestamp: Timestamp, stream: StreamReference,
    metadata: [Label]
  ) -> Bool {
    pipeline.process(line: line, at: timestamp, stream: stream, metadata: metadata) != nil
  }
}

/// Makes stores evaluate the stages of requests to delete; called before a store is opened.
package func registerStagesForDeletes() {
  StageFilters.register { (stages) throws(LogQLError) in
    PipelineFilter(pipeline: try LogPipeline(stages: stages.executionOrder))
  }
}
