/// `name="expression"` of `json` and `logfmt`: one field to take, and the label it becomes.
package struct ExtractedField: Sendable, Hashable {
  /// The label's name.
  package var name: String
  /// A JSON path (`request.headers["x"]`, `a[0]`) or a logfmt key; equal to `name` when left out.
  package var expression: String

  package init(name: String, expression: String) {
    self.name = name
    self.expression = expression
  }
}

/// A stage that makes labels of a line.
package enum ParserStage: Sendable, Hashable {
  /// `json`, or `json a="x.y"` when there are fields.
  case json([ExtractedField])
  /// `logfmt [--strict] [--keep-empty]`, and the fields taken where there are some.
  case logfmt(isStrict: Bool, keepsEmpty: Bool, fields: [ExtractedField])
  /// `regexp "(?P<name>…)"`: valid and with one named group at least, names are checked.
  case regexp(String)
  /// `pattern "<ip> - <_>"`.
  case pattern(CapturePattern)
  case unpack
}
