package import TelemetryModel

/// `line_format "template"`: Go's text/template; checked when the pipeline is made.
package struct LineFormat: Sendable, Hashable {
  package var template: String

  package init(template: String) { self.template = template }
}

/// `label_format a=b, c="template"`.
package struct LabelFormat: Sendable, Hashable {
  package enum Source: Sendable, Hashable {
    /// Takes another label's value, and that label goes.
    case rename(String)
    case template(String)
  }

  package struct Assignment: Sendable, Hashable {
    package var name: String
    package var source: Source

    package init(name: String, source: Source) {
      self.name = name
      self.source = source
    }
  }

  /// In the order written, names unique and none of them `__error__`.
  package var assignments: [Assignment]

  package init(assignments: [Assignment]) { self.assignments = assignments }
}

/// One item of `drop` and `keep`.
package enum LabelSelection: Sendable, Hashable {
  case name(String)
  /// Only when the label's value matches.
  case matcher(LabelMatcher)
}

/// `unwrap label`, `unwrap duration(label)`, with the filters written after it.
package struct Unwrap: Sendable, Hashable {
  package enum Conversion: String, Sendable, Hashable, CaseIterable {
    /// As Go's `strconv.ParseFloat`.
    case number = ""
    /// As bytes with a unit.
    case bytes = "bytes"
    /// As Go's `time.ParseDuration`, in seconds.
    case duration = "duration"
    /// The same as `duration`.
    case durationSeconds = "duration_seconds"
  }

  package var label: String
  package var conversion: Conversion
  /// Run on the row's labels after the conversion.
  package var filters: [LabelFilter]

  package init(label: String, conversion: Conversion = .number, filters: [LabelFilter] = []) {
    self.label = label
    self.conversion = conversion
    self.filters = filters
  }
}
