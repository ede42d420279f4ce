import Configuration
import LinuxIO
import Pipeline
import TelemetryModel
import WireFormats

/// What is to be said about the stages of a configuration's jobs without running them.
struct PipelineCheck {
  /// Stages that do not run, in the order of the file: the job's name, where, and why.
  private(set) var faults: [(job: String, mark: YAMLMark, message: String)] = []
  /// Settings that mean nothing: `file:line:column: …`.
  private(set) var remarks: [String] = []

  init(_ agent: AgentConfiguration) {
    let zones = TimeZoneDatabase(fileSystem: RealFileSystem())
    let metrics = PipelineMetrics()
    for job in agent.scrapeConfigs {
      // Each stage by itself: one that is wrong hides none behind it.
      for stage in job.pipelineStages {
        do throws(PipelineError) {
          let pipeline = try Pipeline(
            stages: [stage], jobName: job.jobName, clock: SystemClock(), zones: zones,
            metrics: metrics)
          remarks += pipeline.remarks
        } catch { faults.append((job.jobName, stage.mark, error.message)) }
      }
    }
  }
}
