import LogQL
import TelemetryModel

/// `| unwrap label`: the number of a row, and the filters written behind it.
final class UnwrapStage {
  let id: LabelNames.ID
  let filters: [CompiledLabelFilter]
  private let conversion: Unwrap.Conversion

  init(_ unwrap: Unwrap, _ names: LabelNames) throws(LogQLError) {
    id = names.id(of: unwrap.label)
    conversion = unwrap.conversion
    var filters: [CompiledLabelFilter] = []
    for filter in unwrap.filters { filters.append(try CompiledLabelFilter(filter, names)) }
    self.filters = filters
  }

  var isPlainNumber: Bool { conversion == .number }

  /// The row's number: nil when the label is missing or empty, or a filter drops the row; 0 with
  /// the row's error set when the label is no number.
  func value(_ row: RowBuilder) -> Double? {
    guard let text = row.value(id), !text.isEmpty else { return nil }
    var value = 0.0
    do {
      value = try number(text)
    } catch {
      row.setError(.sampleExtraction, details: error.message)
    }
    for filter in filters where !filter.passes(row) { return nil }
    return value
  }

  private func number(_ text: UnsafeRawBufferPointer) throws(NumberText.Failure) -> Double {
    switch conversion {
    case .number: try NumberText.float(text)
    case .bytes: Double(try NumberText.byteSize(text))
    case .duration, .durationSeconds: try NumberText.duration(text).seconds
    }
  }
}
