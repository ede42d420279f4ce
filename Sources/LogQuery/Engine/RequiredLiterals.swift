import LogQL

extension [Stage] {
  /// Byte strings that a stored line must have to pass these stages, which are in execution
  /// order: what the store may prune blocks with.
  var requiredLiterals: [[UInt8]] {
    var literals: [[UInt8]] = []
    for stage in self {
      switch stage {
      case .lineFilter(let filter):
        if filter.operation == .contains, filter.operands.count == 1,
          case .text(let bytes) = filter.operands[0], !bytes.isEmpty
        {
          literals.append(bytes)
        }
        if filter.operation == .hasPattern, filter.operands.count == 1,
          case .text(let bytes) = filter.operands[0],
          let pattern = try? CapturePattern(filterExpression: bytes)
        {
          for case .literal(let part) in pattern.parts { literals.append(part) }
        }
      case .lineFormat, .decolorize, .parser(.unpack):
        // The line is another one from here on.
        return literals
      default: break
      }
    }
    return literals
  }
}
