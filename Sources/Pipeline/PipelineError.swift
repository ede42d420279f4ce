package import Configuration

/// Why a pipeline cannot be built of its stages.
package struct PipelineError: Error, Hashable {
  /// `pipeline.yml:12:5: …` where the stage comes of a file.
  package let message: String

  package init(_ message: String) { self.message = message }

  package init(_ error: ConfigurationError) { message = error.description }
}
