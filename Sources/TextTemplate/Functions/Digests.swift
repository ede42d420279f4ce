/// Digests that templates make of texts. Not for secrets: nothing here takes constant time.
enum Digests {
  /// SHA-256 (FIPS 180-4).
  static func sha256(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [
      0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab,
      0x5be0_cd19,
    ]
    var words = [UInt32](repeating: 0, count: 64)
    for block in blocks(message) {
      for index in 0..<16 { words[index] = word(block, index * 4) }
      for index in 16..<64 {
        let a = words[index - 15]
        let b = words[index - 2]
        let low = rotateRight(a, 7) ^ rotateRight(a, 18) ^ (a >> 3)
        let high = rotateRight(b, 17) ^ rotateRight(b, 19) ^ (b >> 10)
        words[index] = words[index - 16] &+ low &+ words[index - 7] &+ high
      }
      var s = state
      for index in 0..<64 {
        let high = rotateRight(s[4], 6) ^ rotateRight(s[4], 11) ^ rotateRight(s[4], 25)
        let choice = (s[4] & s[5]) ^ (~s[4] & s[6])
        let first = s[7] &+ high &+ choice &+ roundConstants[index] &+ words[index]
        let low = rotateRight(s[0], 2) ^ rotateRight(s[0], 13) ^ rotateRight(s[0], 22)
        let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
        let second = low &+ majority
        s = [first &+ second, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
      }
      for index in 0..<8 { state[index] = state[index] &+ s[index] }
    }
    return bytes(state)
  }

  /// SHA-1 (FIPS 180-4).
  static func sha1(_ message: [UInt8]) -> [UInt8] {
    var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
    var words = [UInt32](repeating: 0, count: 80)
    for block in blocks(message) {
      for index in 0..<16 { words[index] = word(block, index * 4) }
      for index in 16..<80 {
        let mixed = words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16]
        words[index] = rotateRight(mixed, 31)
      }
      var s = state
      for index in 0..<80 {
        let (mix, constant): (UInt32, UInt32) =
          switch index {
          case ..<20: ((s[1] & s[2]) | (~s[1] & s[3]), 0x5a82_7999)
          case ..<40: (s[1] ^ s[2] ^ s[3], 0x6ed9_eba1)
          case ..<60: ((s[1] & s[2]) | (s[1] & s[3]) | (s[2] & s[3]), 0x8f1b_bcdc)
          default: (s[1] ^ s[2] ^ s[3], 0xca62_c1d6)
          }
        let next = rotateRight(s[0], 27) &+ mix &+ s[4] &+ constant &+ words[index]
        s = [next, s[0], rotateRight(s[1], 2), s[2], s[3]]
      }
      for index in 0..<5 { state[index] = state[index] &+ s[index] }
    }
    return bytes(state)
  }

  /// SHA3-256 (FIPS 202).
  static func sha3(_ message: [UInt8]) -> [UInt8] {
    let rate = 136
    var padded = message + [0x06]
    padded += [UInt8](repeating: 0, count: (rate - padded.count % rate) % rate)
    padded[padded.count - 1] |= 0x80
    var state = [UInt64](repeating: 0, count: 25)
    for start in stride(from: 0, to: padded.count, by: rate) {
      for lane in 0..<(rate / 8) {
        var value: UInt64 = 0
        for index in (0..<8).reversed() {
          value = value << 8 | UInt64(padded[start + lane * 8 + index])
        }
        state[lane] ^= value
      }
      keccak(&state)
    }
    return state.prefix(4).flatMap { lane in
      (0..<8).map { UInt8(truncatingIfNeeded: lane >> UInt64($0 * 8)) }
    }
  }

  /// Adler-32 (RFC 1950).
  static func adler32(_ message: [UInt8]) -> UInt32 {
    var a: UInt32 = 1
    var b: UInt32 = 0
    for byte in message {
      a = (a + UInt32(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return b << 16 | a
  }

  // MARK: Parts

  private static let roundConstants: [UInt32] = [
    0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4,
    0xab1c_5ed5, 0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe,
    0x9bdc_06a7, 0xc19b_f174, 0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f,
    0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da, 0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7,
    0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967, 0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc,
    0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85, 0xa2bf_e8a1, 0xa81a_664b,
    0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070, 0x19a4_c116,
    0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
    0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7,
    0xc671_78f2,
  ]

  private static func rotateRight(_ value: UInt32, _ by: UInt32) -> UInt32 {
    value >> by | value << (32 - by)
  }

  private static func rotateLeft(_ value: UInt64, _ by: UInt64) -> UInt64 {
    by == 0 ? value : value << by | value >> (64 - by)
  }

  private static func word(_ block: ArraySlice<UInt8>, _ at: Int) -> UInt32 {
    block[(block.startIndex + at)..<(block.startIndex + at + 4)].reduce(0) { $0 << 8 | UInt32($1) }
  }

  private static func bytes(_ words: [UInt32]) -> [UInt8] {
    words.flatMap { word in [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: word >> $0) } }
  }

  /// Blocks of 64 bytes, the last one with the message's length.
  private static func blocks(_ message: [UInt8]) -> [ArraySlice<UInt8>] {
    var padded = message + [0x80]
    padded += [UInt8](repeating: 0, count: (56 - padded.count % 64 + 64) % 64)
    let bits = UInt64(message.count) * 8
    padded += (0..<8).map { UInt8(truncatingIfNeeded: bits >> UInt64(56 - $0 * 8)) }
    return stride(from: 0, to: padded.count, by: 64).map { padded[$0..<($0 + 64)] }
  }

  private static func keccak(_ state: inout [UInt64]) {
    let rotations: [UInt64] = [
      1, 3, 6, 10, 15, 21, 28, 36, 45, 55, 2, 14, 27, 41, 56, 8, 25, 43, 62, 18, 39, 61, 20, 44,
    ]
    let lanes = [
      10, 7, 11, 17, 18, 3, 5, 16, 8, 21, 24, 4, 15, 23, 19, 13, 12, 2, 20, 14, 22, 9, 6, 1,
    ]
    var register: UInt8 = 1
    for _ in 0..<24 {
      var column = [UInt64](repeating: 0, count: 5)
      for x in 0..<5 {
        column[x] = state[x] ^ state[x + 5] ^ state[x + 10] ^ state[x + 15] ^ state[x + 20]
      }
      for x in 0..<5 {
        let mix = column[(x + 4) % 5] ^ rotateLeft(column[(x + 1) % 5], 1)
        for y in stride(from: x, to: 25, by: 5) { state[y] ^= mix }
      }
      var moved = state[1]
      for index in 0..<24 {
        let kept = state[lanes[index]]
        state[lanes[index]] = rotateLeft(moved, rotations[index])
        moved = kept
      }
      for y in stride(from: 0, to: 25, by: 5) {
        let row = Array(state[y..<(y + 5)])
        for x in 0..<5 { state[y + x] = row[x] ^ (~row[(x + 1) % 5] & row[(x + 2) % 5]) }
      }
      // The round's constant comes out of a shift register of eight bits.
      for power in 0..<7 {
        if register & 1 == 1 { state[0] ^= 1 << UInt64((1 << power) - 1) }
        register = register & 0x80 != 0 ? register << 1 ^ 0x71 : register << 1
      }
    }
  }
}
