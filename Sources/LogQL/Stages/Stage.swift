/// One step of a log pipeline, in the order written.
package enum Stage: Sendable, Hashable {
  case lineFilter(LineFilter)
  case parser(ParserStage)
  case labelFilter(LabelFilter)
  case lineFormat(LineFormat)
  case labelFormat(LabelFormat)
  /// `drop …`.
  case drop([LabelSelection])
  /// `keep …`.
  case keep([LabelSelection])
  case decolorize
}
