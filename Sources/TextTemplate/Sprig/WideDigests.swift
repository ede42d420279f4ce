/// SHA-512 (FIPS 180-4).
enum WideDigests {
  static func sha512(_ message: [UInt8]) -> [UInt8] {
    var state = roots(of: WideDigests.primes(8), cube: false)
    let constants = roundConstants
    var padded = message + [0x80]
    padded += [UInt8](repeating: 0, count: (240 - padded.count % 128) % 128 + 8)
    let bits = UInt64(message.count) * 8
    padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - $0 * 8)) }
    var words = [UInt64](repeating: 0, count: 80)
    for start in stride(from: 0, to: padded.count, by: 128) {
      for index in 0..<16 {
        words[index] = padded[(start + index * 8)..<(start + index * 8 + 8)].reduce(0) {
          $0 << 8 | UInt64($1)
        }
      }
      for index in 16..<80 {
        let (a, b) = (words[index - 15], words[index - 2])
        let low = right(a, 1) ^ right(a, 8) ^ (a >> 7)
        let high = right(b, 19) ^ right(b, 61) ^ (b >> 6)
        words[index] = words[index - 16] &+ low &+ words[index - 7] &+ high
      }
      mix(&state, words, constants)
    }
    return state.flatMap { word in
      (0..<8).map { UInt8(truncatingIfNeeded: word >> UInt64(56 - $0 * 8)) }
    }
  }

  private static func mix(_ state: inout [UInt64], _ words: [UInt64], _ constants: [UInt64]) {
    var s = state
    for index in 0..<80 {
      let high = right(s[4], 14) ^ right(s[4], 18) ^ right(s[4], 41)
      let choice = (s[4] & s[5]) ^ (~s[4] & s[6])
      let first = s[7] &+ high &+ choice &+ constants[index] &+ words[index]
      let low = right(s[0], 28) ^ right(s[0], 34) ^ right(s[0], 39)
      let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
      s = [first &+ low &+ majority, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
    }
    for index in 0..<8 { state[index] = state[index] &+ s[index] }
  }

  private static func right(_ value: UInt64, _ by: UInt64) -> UInt64 {
    value >> by | value << (64 - by)
  }

  private static let roundConstants = roots(of: primes(80), cube: true)

  private static func primes(_ count: Int) -> [UInt64] {
    var primes: [UInt64] = []
    var number: UInt64 = 2
    while primes.count < count {
      if primes.allSatisfy({ number % $0 != 0 }) { primes.append(number) }
      number += 1
    }
    return primes
  }

  /// The first 64 bits behind the point of square or cube roots, as the standard defines its
  /// constants.
  private static func roots(of primes: [UInt64], cube: Bool) -> [UInt64] {
    primes.map { prime in
      // The greatest root with 64 bits behind the point, bit by bit.
      var root: UInt128 = 0
      for bit in (0..<69).reversed() {
        let next = root | UInt128(1) << UInt128(bit)
        if isAtMost(next, prime, cube: cube) { root = next }
      }
      return UInt64(truncatingIfNeeded: root)
    }
  }

  /// Whether the root, scaled by 2⁶⁴, to its power is at most the prime.
  private static func isAtMost(_ root: UInt128, _ prime: UInt64, cube: Bool) -> Bool {
    var product = [UInt64](repeating: 0, count: 7)
    let low = UInt64(truncatingIfNeeded: root)
    let high = UInt64(truncatingIfNeeded: root >> 64)
    product[0] = 1
    for _ in 0..<(cube ? 3 : 2) { product = times(product, [low, high]) }
    var wanted = [UInt64](repeating: 0, count: 7)
    wanted[cube ? 3 : 2] = prime
    for index in (0..<7).reversed() where product[index] != wanted[index] {
      return product[index] < wanted[index]
    }
    return true
  }

  private static func times(_ a: [UInt64], _ b: [UInt64]) -> [UInt64] {
    var out = [UInt64](repeating: 0, count: a.count)
    for (i, x) in b.enumerated() {
      var carry: UInt64 = 0
      for (j, y) in a.enumerated() where i + j < out.count {
        let (high, low) = x.multipliedFullWidth(by: y)
        let (sum, overflow) = out[i + j].addingReportingOverflow(low)
        let (sum2, overflow2) = sum.addingReportingOverflow(carry)
        out[i + j] = sum2
        carry = high &+ (overflow ? 1 : 0) &+ (overflow2 ? 1 : 0)
      }
    }
    return out
  }
}
