import TelemetryModel
import Testing

@testable import CommandLineTool

struct TraceIDTextTests {
  @Test(arguments: [
    ("62f746b484e61ceb95bd447e7184d454", 0x62f7_46b4_84e6_1ceb, 0x95bd_447e_7184_d454),
    ("abc", 0, 0xabc), ("0000abcdef012345", 0, 0xabcd_ef01_2345),
    (
      "ts=1 level=info trace_id=62f746b484e61ceb95bd447e7184d454 span=00f067aa0ba902b7",
      0x62f7_46b4_84e6_1ceb, 0x95bd_447e_7184_d454
    ), (#"{"traceID":"00f067aa0ba902b7"}"#, 0, 0x00f0_67aa_0ba9_02b7),
  ])
  func findsTheIDInALine(_ text: String, high: UInt64, low: UInt64) {
    #expect(traceID(in: text) == TraceID(high: high, low: low))
  }

  @Test(arguments: ["", "no id here", "abc def", "zz"])
  func findsNoneWhereThereIsNone(_ text: String) {
    #expect(traceID(in: text) == nil)
  }
}
