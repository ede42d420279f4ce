import LogQL

/// `sluice fmt`: LogQL laid out for people.
let formatCommand = Command(
  name: "fmt", summary: "Lay out a LogQL query, read from the command line or standard input.",
  notes: """
    Examples:
      sluice fmt 'sum by(app)(rate({app="web"}|="x"|logfmt[5m]))'
      sluice fmt < query.logql
    No server is asked.
    """,
  positional: "[QUERY]",
  run: { arguments, surroundings in
    guard arguments.positional.count <= 1 else {
      throw UsageError(message: "one query at most, in quotes")
    }
    var text = arguments.positional.first ?? ""
    if arguments.positional.isEmpty {
      text = String(decoding: try readFile("/dev/stdin", bytesMax: 1 << 20), as: UTF8.self)
    }
    do throws(LogQLError) {
      surroundings.output.write(try LogQL.parse(text).formatted + "\n")
      return .success
    } catch {
      throw CommandFailure(message: error.message)
    }
  })
