/// Why a template was refused or stopped, in the words of Go's `text/template`.
package struct TemplateError: Error, Hashable {
  /// `template: line:1: unclosed action`.
  package let message: String

  package init(_ message: String) { self.message = message }
}
