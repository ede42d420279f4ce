#include "hashes.h"
#include <string.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

static uint32_t table[8][256];

__attribute__((constructor)) static void fill_table(void) {
  for (uint32_t n = 0; n < 256; n++) {
    uint32_t crc = n;
    for (int bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
    table[0][n] = crc;
  }
  for (uint32_t n = 0; n < 256; n++)
    for (int k = 1; k < 8; k++)
      table[k][n] = table[0][table[k - 1][n] & 255] ^ (table[k - 1][n] >> 8);
}

uint32_t linux_crc32c_plain(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  crc = ~crc;
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    word ^= crc;
    crc = table[7][word & 255] ^ table[6][word >> 8 & 255] ^ table[5][word >> 16 & 255] ^
          table[4][word >> 24 & 255] ^ table[3][word >> 32 & 255] ^ table[2][word >> 40 & 255] ^
          table[1][word >> 48 & 255] ^ table[0][word >> 56];
    p += 8;
    count -= 8;
  }
  while (count--) crc = table[0][(crc ^ *p++) & 255] ^ (crc >> 8);
  return ~crc;
}

#if defined(__x86_64__)
#include <nmmintrin.h>
__attribute__((target("sse4.2"))) static uint32_t crc32c_hardware(uint32_t crc, const void *bytes,
                                                                  size_t count) {
  const unsigned char *p = bytes;
  uint64_t c = ~crc;
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    c = _mm_crc32_u64(c, word);
    p += 8;
    count -= 8;
  }
  while (count--) c = _mm_crc32_u8((uint32_t)c, *p++);
  return ~(uint32_t)c;
}
uint32_t linux_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return __builtin_cpu_supports("sse4.2") ? crc32c_hardware(crc, bytes, count)
                                          : linux_crc32c_plain(crc, bytes, count);
}
#elif defined(__aarch64__) && defined(__ARM_FEATURE_CRC32)
#include <arm_acle.h>
uint32_t linux_crc32c(uint32_t crc, const void *bytes, size_t count) {
  const unsigned char *p = bytes;
  crc = ~crc;
  while (count >= 8) {
    uint64_t word;
    memcpy(&word, p, 8);
    crc = __crc32cd(crc, word);
    p += 8;
    count -= 8;
  }
  while (count--) crc = __crc32cb(crc, *p++);
  return ~crc;
}
#else
uint32_t linux_crc32c(uint32_t crc, const void *bytes, size_t count) {
  return linux_crc32c_plain(crc, bytes, count);
}
#endif

uint64_t linux_xxh3(const void *bytes, size_t count, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes, count, seed);
}

uint64_t linux_xxh64(const void *bytes, size_t count, uint64_t seed) {
  return XXH64(bytes, count, seed);
}
