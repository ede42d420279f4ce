#include "planes.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

static void join_from(const uint8_t *planes, int width, size_t count, size_t from,
                      uint64_t *out) {
  for (size_t at = from; at < count; at++) {
    uint64_t value = 0;
    for (int plane = 0; plane < width; plane++)
      value |= (uint64_t)planes[(size_t)plane * count + at] << (8 * plane);
    out[at] = value;
  }
}

void linux_join_planes_plain(const void *planes, int width, size_t count, uint64_t *out) {
  join_from(planes, width, count, 0, out);
}

#if defined(__SSE2__)
// Sixteen values at a time: bytes are laced to 16, 32 and 64 bits. `width` is a constant wherever
// this is called, so that planes that are not there cost nothing.
static inline __attribute__((always_inline)) void join(const uint8_t *planes, const int width,
                                                       size_t count, uint64_t *out) {
  const __m128i zero = _mm_setzero_si128();
  size_t at = 0;
  for (; at + 16 <= count; at += 16) {
    __m128i bytes[8];
    for (int plane = 0; plane < 8; plane++)
      bytes[plane] = plane < width ? _mm_loadu_si128(
                                         (const __m128i *)(planes + (size_t)plane * count + at))
                                   : zero;
    for (int half = 0; half < 2; half++) {
      __m128i words[4];
      for (int pair = 0; pair < 4; pair++)
        words[pair] = half == 0 ? _mm_unpacklo_epi8(bytes[2 * pair], bytes[2 * pair + 1])
                                : _mm_unpackhi_epi8(bytes[2 * pair], bytes[2 * pair + 1]);
      __m128i low[2] = {_mm_unpacklo_epi16(words[0], words[1]),
                        _mm_unpackhi_epi16(words[0], words[1])};
      __m128i high[2] = {_mm_unpacklo_epi16(words[2], words[3]),
                         _mm_unpackhi_epi16(words[2], words[3])};
      __m128i *next = (__m128i *)(out + at + 8 * half);
      _mm_storeu_si128(next, _mm_unpacklo_epi32(low[0], high[0]));
      _mm_storeu_si128(next + 1, _mm_unpackhi_epi32(low[0], high[0]));
      _mm_storeu_si128(next + 2, _mm_unpacklo_epi32(low[1], high[1]));
      _mm_storeu_si128(next + 3, _mm_unpackhi_epi32(low[1], high[1]));
    }
  }
  join_from(planes, width, count, at, out);
}

void linux_join_planes(const void *planes, int width, size_t count, uint64_t *out) {
  switch (width) {
    case 0: memset(out, 0, count * sizeof *out); break;
    case 1: join(planes, 1, count, out); break;
    case 2: join(planes, 2, count, out); break;
    case 3: join(planes, 3, count, out); break;
    case 4: join(planes, 4, count, out); break;
    case 5: join(planes, 5, count, out); break;
    case 6: join(planes, 6, count, out); break;
    case 7: join(planes, 7, count, out); break;
    default: join(planes, 8, count, out); break;
  }
}
#else
void linux_join_planes(const void *planes, int width, size_t count, uint64_t *out) {
  join_from(planes, width, count, 0, out);
}
#endif
