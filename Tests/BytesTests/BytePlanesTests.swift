import Bytes
import Testing

@Suite struct BytePlanesTests {
  @Test(arguments: 0...8) func agreesWithTheBytes(_ width: Int) {
    var random = SystemRandomNumberGenerator()
    for count in Array(0..<70) + [1000, 4099] {
      let values = (0..<count).map { _ in
        let all = UInt64.random(in: 0 ... .max, using: &random)
        return width == 0 ? 0 : all >> UInt64(64 - 8 * width)
      }
      let planes = (0..<width).flatMap { plane in
        values.map { UInt8(truncatingIfNeeded: $0 >> UInt64(8 * plane)) }
      }
      var joined = [UInt64](repeating: .max, count: count)
      joined.withUnsafeMutableBufferPointer { BytePlanes.join(planes, width: width, into: $0) }
      #expect(joined == values)
      #expect(BytePlanes.plainJoin(planes, width: width, count: count) == values)
    }
  }
}
