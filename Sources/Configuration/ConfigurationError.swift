package import WireFormats

/// What is wrong in a configuration, and where.
package struct ConfigurationError: Error, Hashable, CustomStringConvertible {
  /// The file's name as it was given.
  package let file: String
  /// nil when the fault is the file itself: it cannot be read.
  package let mark: YAMLMark?
  package let message: String

  package init(file: String, mark: YAMLMark?, message: String) {
    self.file = file
    self.mark = mark
    self.message = message
  }

  /// `pipeline.yml:12:5: unknown key …`.
  package var description: String {
    guard let mark else { return "\(file): \(message)" }
    return "\(file):\(mark.line):\(mark.column): \(message)"
  }
}
