@testable import LogSources
import WireFormats

/// Fields of a journal entry, parted by zero bytes: as JSON each name is there once, with the
/// values that it has.
func fuzzJournalEntry(_ input: UnsafeRawBufferPointer) {
  var entry = JournalEntry()
  var taken: [(name: [UInt8], value: [UInt8])] = []
  for field in input.split(separator: 0).prefix(64) {
    guard entry.append(UnsafeRawBufferPointer(rebasing: field), valueBytesMax: 64) else { continue }
    let end = field.firstIndex(of: 0x3d) ?? field.endIndex
    taken.append((Array(field[..<end]), Array(field[end...].dropFirst().prefix(64))))
  }
  var writer = JSONWriter()
  entry.writeJSON(&writer)
  guard case .object(let members)? = try? JSONValue.parse(writer.bytes) else {
    preconditionFailure("an entry is no JSON")
  }
  precondition(entry.metaLabels().allSatisfy { $0.key.utf8.starts(with: "__journal_".utf8) })
  guard isText(input), taken.allSatisfy({ isText($0.value) }) else { return }
  var expected: [[UInt8]: [String]] = [:]
  for (name, value) in taken {
    expected[name, default: []].append(String(decoding: value, as: UTF8.self))
  }
  precondition(members.count == expected.count, "names are lost")
  for member in members {
    let values = expected[Array(member.key.utf8)] ?? []
    let shown: JSONValue =
      values.count == 1 ? .string(values[0]) : .array(values.map { .string($0) })
    precondition(member.value == shown, "a value changes")
  }
}

/// `matches` of a journal: with one more term each group has one more, and entries made of a
/// group's terms fit.
func fuzzJournalMatches(_ input: UnsafeRawBufferPointer) {
  guard let matches = try? JournalMatches(String(decoding: input, as: UTF8.self)) else { return }
  for group in matches.groups where group.count <= JournalEntry.fieldsMax {
    var entry = JournalEntry()
    for term in group {
      Array(term.utf8).withUnsafeBytes { _ = entry.append($0, valueBytesMax: 1 << 20) }
    }
    precondition(matches.fits(entry), "an entry of a group's terms does not fit")
  }
  let more = matches.with(term: "X=1")
  precondition(more.groups.allSatisfy { $0.last == "X=1" }, "a group without the term")
}
