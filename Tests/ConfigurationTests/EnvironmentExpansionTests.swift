import Configuration
import Testing

@Suite struct EnvironmentExpansionTests {
  private let environment = ["HOST": "tower", "EMPTY": "", "PORT": "3100", "_x1": "y"]

  private func expand(_ text: String) throws -> String {
    try EnvironmentExpansion.expand(text, file: "f.yml", environment: environment).text
  }

  @Test(arguments: [
    ("plain", "plain"), ("a: ${HOST}", "a: tower"), ("${HOST}:${PORT}", "tower:3100"),
    ("${NONE}", ""), ("${NONE:-d}", "d"), ("${EMPTY:-d}", "d"), ("${EMPTY-d}", ""),
    ("${NONE-d}", "d"), ("${NONE:=d}", "d"), ("${NONE=d}", "d"), ("${HOST:-d}", "tower"),
    ("${NONE:-}", ""), ("${NONE:-a:b-c=d?}", "a:b-c=d?"), ("${NONE:-${HOST}}/x", "tower/x"),
    ("${_x1}", "y"), ("$1 ${1} $HOST", "$1 ${1} $HOST"), ("$$", "$"), ("$${HOST}", "${HOST}"),
    ("$$1", "$1"), ("^a$", "^a$"), ("${HOST:?needed}", "tower"), ("${ HOST }", "${ HOST }"),
    ("# ${HOST} ${BAD^^}", "# ${HOST} ${BAD^^}"), ("a\n\n${HOST}\n", "a\n\ntower\n"),
  ])
  func expands(_ text: String, _ expected: String) throws {
    #expect(try expand(text) == expected)
  }

  @Test(arguments: [
    ("${NONE}", ["f.yml:1:1: NONE"]),
    ("a\n b${NONE}${OTHER}", ["f.yml:2:3: NONE", "f.yml:2:10: OTHER"]),
    ("${NONE}\n${NONE}", ["f.yml:1:1: NONE"]), ("${NONE:-}", []), ("${NONE-d}", []),
    ("${EMPTY}", []),
    ("# ${NONE}", []), ("$${NONE}", []), ("${HOST:-${NONE}}", []), ("${HOST-${NONE}}", []),
    ("${EMPTY:-${NONE}}", ["f.yml:1:10: NONE"]), ("${HOST:?${NONE}}", []),
  ])
  func tellsOfVariablesThatAreNotSet(_ text: String, _ expected: [String]) throws {
    let remarks = try EnvironmentExpansion.expand(
      text, file: "f.yml", environment: environment
    ).remarks
    let told = remarks.map { remark in
      let words = remark.description.split(separator: " ")
      return "\(words[0]) \(words[3])"
    }
    #expect(told == expected)
  }

  @Test(arguments: [
    ("a: ${HOST", "f.yml:1:4: `${` has no closing `}` in this line"),
    ("x\n  ${NONE:?set it}", "f.yml:2:3: environment variable NONE is needed: set it"),
    ("${NONE?}", "f.yml:1:1: environment variable NONE is needed"),
    (
      "${HOST^^}",
      "f.yml:1:1: `${HOST…}` has an operator that is not supported; use ${HOST:-default},"
        + " or $$ for a dollar sign"
    ),
  ])
  func refuses(_ text: String, _ message: String) {
    #expect {
      try expand(text)
    } throws: { error in
      (error as? ConfigurationError)?.description == message
    }
  }
}
