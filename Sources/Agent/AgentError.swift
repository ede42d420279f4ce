import Configuration
import Delivery
import HTTP
import LinuxIO
import LogSources
import Pipeline

/// Why the agent could not start or go on: one line that says what to do.
package struct AgentError: Error, Hashable {
  package let message: String

  package init(_ message: String) { self.message = message }

  init(_ error: ConfigurationError) { message = error.description }
  init(_ error: DeliveryError) { message = error.message }
  init(_ error: HTTPError) { message = error.message }
  init(_ error: SystemError) { message = error.message }

  init(_ error: LogSourcesError, job: String) { message = "job `\(job)`: \(error.message)" }
  init(_ error: PipelineError, job: String) { message = "job `\(job)`: \(error.message)" }
}
