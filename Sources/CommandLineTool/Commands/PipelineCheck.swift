import Configuration
import LinuxIO
import Pipeline
import TelemetryModel

/// What is to be said about the stages of a configuration's jobs without running them.
struct PipelineCheck {
  /// Stages that do not run: the job's name and why.
  private(set) var faults: [(job: String, message: String)] = []
  /// Settings that mean nothing: `file:line:column: …`.
  private(set) var remarks: [String] = []

  init(_ agent: AgentConfiguration) {
    let zones = TimeZoneDatabase(fileSystem: RealFileSystem())
    let metrics = PipelineMetrics()
    for job in agent.scrapeConfigs {
      do throws(PipelineError) {
        let pipeline = try Pipeline(
          stages: job.pipelineStages, jobName: job.jobName, clock: SystemClock(), zones: zones,
          metrics: metrics)
        remarks += pipeline.remarks
      } catch { faults.append((job.jobName, error.message)) }
    }
  }
}
