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
}
