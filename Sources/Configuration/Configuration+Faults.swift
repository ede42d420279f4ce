import WireFormats

extension Configuration {
  /// As many faults are told at once.
  package static let faultsMax = 100

  /// All that is wrong with a configuration's text, by lines; empty when
  /// ``parse(text:name:environment:)`` would take it.
  ///
  /// The readers stop at the first fault, so the faulty setting is taken out and the rest is read
  /// again. What only lacks a setting that was taken out is not told.
  package static func faults(text: String, name: String, environment: [String: String])
    -> [ConfigurationError]
  {
    check(text: text, name: name, environment: environment).faults
  }

  /// The faults, and the configuration that is left without what is wrong in it: for checks that
  /// go further. nil when nothing is left.
  package static func check(text: String, name: String, environment: [String: String])
    -> (faults: [ConfigurationError], rest: Configuration?)
  {
    var found: [ConfigurationError] = []
    var rest: Configuration?
    do throws(ConfigurationError) {
      let expanded = try EnvironmentExpansion.expand(text, file: name, environment: environment)
      var root = try tree(expanded.text, name)
      var removed: [String] = []
      for _ in 0..<4 * faultsMax where found.count < faultsMax {
        do throws(ConfigurationError) {
          rest = try read(root, name: name)
          rest?.remarks = expanded.remarks
          break
        } catch {
          let isFresh = !found.contains(error) && !removed.contains { lacks(error, $0) }
          if isFresh { found.append(error) }
          guard let mark = error.mark, let left = root.removing(mark, path: "") else { break }
          removed.append(left.path)
          root = left.node
        }
      }
    } catch { found.append(error) }
    let faults = found.sorted { a, b in
      (a.mark?.line ?? 0, a.mark?.column ?? 0) < (b.mark?.line ?? 0, b.mark?.column ?? 0)
    }
    return (faults, rest)
  }

  /// Whether an error is about a setting that holds, or is, the one taken out.
  private static func lacks(_ error: ConfigurationError, _ removed: String) -> Bool {
    // Without its only part a file configures nothing.
    guard error.message.hasPrefix("`") else { return error.message.hasPrefix("neither") }
    let path = error.message.dropFirst().prefix { $0 != "`" }
    return removed == path || removed.hasPrefix(path + ".") || removed.hasPrefix(path + "[")
  }
}

extension YAMLNode {
  /// The tree without the setting whose key or value stands at `mark`, and that setting's path;
  /// nil when nothing but the whole stands there.
  fileprivate func removing(_ mark: YAMLMark, path: String) -> (node: YAMLNode, path: String)? {
    switch self {
    case .scalar: return nil
    case .sequence(var items, let own):
      for (index, item) in items.enumerated() {
        let inner = "\(path)[\(index)]"
        // What is within goes first: a mapping begins where its first key does.
        if let rest = item.removing(mark, path: inner) {
          items[index] = rest.node
          return (.sequence(items, own), rest.path)
        }
        if item.mark == mark {
          items.remove(at: index)
          return (.sequence(items, own), inner)
        }
      }
    case .mapping(var members, let own):
      for (index, member) in members.enumerated() {
        let inner = path.isEmpty ? member.key : "\(path).\(member.key)"
        if let rest = member.value.removing(mark, path: inner) {
          members[index].value = rest.node
          return (.mapping(members, own), rest.path)
        }
        if member.keyMark == mark || member.value.mark == mark {
          members.remove(at: index)
          return (.mapping(members, own), inner)
        }
      }
    }
    return nil
  }
}
