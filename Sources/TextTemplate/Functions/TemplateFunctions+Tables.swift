extension TemplateFunctions {
  /// The functions of LogQL's `line_format` and `label_format`. `__line__` and `__timestamp__`
  /// are given with each execution.
  package static func logQL(_ environment: TemplateEnvironment) -> TemplateFunctions {
    var table = StringFunctions.legacy
    table.merge(StringFunctions.sprig)
    table.merge(StringFunctions.loki)
    table.merge(RegexFunctions.table)
    table.merge(MathFunctions.table)
    table.merge(DateFunctions.table(environment))
    table.merge(EncodingFunctions.table)
    table["b64dec"] = EncodingFunctions.lenientBase64Decode
    table["bytes"] = ByteSize.function
    table["duration"] = EncodingFunctions.duration
    table["duration_seconds"] = EncodingFunctions.duration
    table["__line__"] = .late
    table["__timestamp__"] = .late
    for name in ["add1", "int64", "biggest"] { table[name] = nil }
    return table
  }

  /// The functions of Promtail's `template` and `replace` stages: its own and sprig's. What would
  /// read the machine (`env`, `expandenv`, `getHostByName`) or make keys, certificates and
  /// passwords is left out.
  package static func promtail(_ environment: TemplateEnvironment) -> TemplateFunctions {
    var table = StringFunctions.sprig
    table.merge(MathFunctions.table)
    table.merge(DateFunctions.table(environment))
    table.merge(EncodingFunctions.table)
    table.merge(ListFunctions.table)
    table.merge(MapFunctions.table)
    table.merge(MatchFunctions.table)
    table.merge(DigestFunctions.table)
    table.merge(SprigTexts.table)
    table.merge(SprigValues.table)
    table.merge(SprigDates.table(environment))
    table.merge(SprigPaths.table)
    table.merge(StringFunctions.legacy)
    table.merge(RegexFunctions.table)
    table["b64dec"] = EncodingFunctions.base64Decode
    for name in mustNames {
      let plain = name.prefix(1).lowercased() + name.dropFirst()
      table["must" + name] = table[plain]
    }
    for name in ["count", "toDateInZone", "unixEpochMillis", "unixEpochNanos", "unixToTime"] {
      table[name] = nil
    }
    return table
  }

  /// Functions that sprig has twice; here both stop the template when they fail.
  private static let mustNames = [
    "Append", "Chunk", "Compact", "DeepCopy", "First", "FromJson", "Has", "Initial", "Last",
    "Merge", "MergeOverwrite", "Prepend", "Push", "RegexFind", "RegexFindAll", "RegexMatch",
    "RegexReplaceAll", "RegexReplaceAllLiteral", "RegexSplit", "Rest", "Reverse", "Slice",
    "ToJson", "ToPrettyJson", "ToRawJson", "Uniq", "Without",
  ]
}
