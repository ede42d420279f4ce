#include "search.h"

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

// Blocks of positions where the needle's first and last byte both fit are found at once, and only
// those positions are compared (W. Mula, "SIMD-friendly algorithms for substring searching").

static ptrdiff_t search_from(const uint8_t *text, size_t count, const uint8_t *needle,
                             size_t needle_count, size_t from) {
  for (size_t at = from; at + needle_count <= count; at++) {
    const uint8_t *next = memchr(text + at, needle[0], count - needle_count - at + 1);
    if (next == NULL) return -1;
    at = (size_t)(next - text);
    if (memcmp(next, needle, needle_count) == 0) return (ptrdiff_t)at;
  }
  return -1;
}

size_t linux_find_plain(const void *bytes, size_t count, const void *needle,
                        size_t needle_count) {
  const uint8_t *text = bytes;
  const uint8_t *wanted = needle;
  for (size_t at = 0; at + needle_count <= count; at++) {
    size_t same = 0;
    while (same < needle_count && text[at + same] == wanted[same]) same++;
    if (same == needle_count) return at;
  }
  return count;
}

#if defined(__SSE2__)
__attribute__((target("avx2"))) static ptrdiff_t search_avx2(const uint8_t *text, size_t count,
                                                             const uint8_t *needle,
                                                             size_t needle_count) {
  const __m256i first = _mm256_set1_epi8((char)needle[0]);
  const __m256i last = _mm256_set1_epi8((char)needle[needle_count - 1]);
  size_t at = 0;
  for (; at + needle_count - 1 + 32 <= count; at += 32) {
    __m256i heads = _mm256_loadu_si256((const __m256i *)(text + at));
    __m256i tails = _mm256_loadu_si256((const __m256i *)(text + at + needle_count - 1));
    __m256i both =
        _mm256_and_si256(_mm256_cmpeq_epi8(first, heads), _mm256_cmpeq_epi8(last, tails));
    uint32_t places = (uint32_t)_mm256_movemask_epi8(both);
    while (places != 0) {
      size_t place = at + (size_t)__builtin_ctz(places);
      if (memcmp(text + place, needle, needle_count) == 0) return (ptrdiff_t)place;
      places &= places - 1;
    }
  }
  return search_from(text, count, needle, needle_count, at);
}

static ptrdiff_t search_blocks(const uint8_t *text, size_t count, const uint8_t *needle,
                               size_t needle_count) {
  const __m128i first = _mm_set1_epi8((char)needle[0]);
  const __m128i last = _mm_set1_epi8((char)needle[needle_count - 1]);
  size_t at = 0;
  for (; at + needle_count - 1 + 16 <= count; at += 16) {
    __m128i heads = _mm_loadu_si128((const __m128i *)(text + at));
    __m128i tails = _mm_loadu_si128((const __m128i *)(text + at + needle_count - 1));
    __m128i both = _mm_and_si128(_mm_cmpeq_epi8(first, heads), _mm_cmpeq_epi8(last, tails));
    uint32_t places = (uint32_t)_mm_movemask_epi8(both);
    while (places != 0) {
      size_t place = at + (size_t)__builtin_ctz(places);
      if (memcmp(text + place, needle, needle_count) == 0) return (ptrdiff_t)place;
      places &= places - 1;
    }
  }
  return search_from(text, count, needle, needle_count, at);
}
#elif defined(__ARM_NEON)
static ptrdiff_t search_blocks(const uint8_t *text, size_t count, const uint8_t *needle,
                               size_t needle_count) {
  const uint8x16_t first = vdupq_n_u8(needle[0]);
  const uint8x16_t last = vdupq_n_u8(needle[needle_count - 1]);
  size_t at = 0;
  for (; at + needle_count - 1 + 16 <= count; at += 16) {
    uint8x16_t both = vandq_u8(vceqq_u8(first, vld1q_u8(text + at)),
                               vceqq_u8(last, vld1q_u8(text + at + needle_count - 1)));
    // Four bits for each byte.
    uint8x8_t narrow = vshrn_n_u16(vreinterpretq_u16_u8(both), 4);
    uint64_t places = vget_lane_u64(vreinterpret_u64_u8(narrow), 0) & 0x8888888888888888ull;
    while (places != 0) {
      size_t place = at + ((size_t)__builtin_ctzll(places) >> 2);
      if (memcmp(text + place, needle, needle_count) == 0) return (ptrdiff_t)place;
      places &= places - 1;
    }
  }
  return search_from(text, count, needle, needle_count, at);
}
#else
static ptrdiff_t search_blocks(const uint8_t *text, size_t count, const uint8_t *needle,
                               size_t needle_count) {
  return search_from(text, count, needle, needle_count, 0);
}
#endif

size_t linux_find(const void *bytes, size_t count, const void *needle, size_t needle_count) {
  if (needle_count == 0) return 0;
  if (needle_count > count) return count;
  const uint8_t *text = bytes;
  const uint8_t *wanted = needle;
  if (needle_count == 1) {
    const uint8_t *found = memchr(text, wanted[0], count);
    return found == NULL ? count : (size_t)(found - text);
  }
  ptrdiff_t at;
#if defined(__SSE2__)
  if (count >= 64 && __builtin_cpu_supports("avx2"))
    at = search_avx2(text, count, wanted, needle_count);
  else
#endif
    at = search_blocks(text, count, wanted, needle_count);
  return at < 0 ? count : (size_t)at;
}
