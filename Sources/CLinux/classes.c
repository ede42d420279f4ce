#include "classes.h"

#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

static int is_plain_text(uint8_t byte) {
  return byte >= 0x20 && byte <= 0x7e && byte != '"' && byte != '\\';
}

void linux_classify_plain(const void *bytes, size_t count, struct linux_byte_classes *masks) {
  const uint8_t *text = bytes;
  for (size_t start = 0; start < count; start += 64) {
    struct linux_byte_classes classes = {0, 0, 0};
    for (size_t at = start; at < count && at < start + 64; at++) {
      uint64_t bit = 1ull << (at - start);
      if (text[at] == ' ' || text[at] == '\t') classes.blank |= bit;
      if (text[at] >= '0' && text[at] <= '9') classes.digit |= bit;
      if (text[at] == '"') classes.quote |= bit;
    }
    masks[start / 64] = classes;
  }
}

size_t linux_plain_text_end_plain(const void *bytes, size_t count) {
  const uint8_t *text = bytes;
  size_t at = 0;
  while (at < count && is_plain_text(text[at])) at++;
  return at;
}

#if defined(__SSE2__)
static struct linux_byte_classes classify64(const uint8_t *text) {
  struct linux_byte_classes classes = {0, 0, 0};
  for (int part = 0; part < 4; part++) {
    __m128i v = _mm_loadu_si128((const __m128i *)(text + part * 16));
    __m128i blank =
        _mm_or_si128(_mm_cmpeq_epi8(v, _mm_set1_epi8(' ')), _mm_cmpeq_epi8(v, _mm_set1_epi8('\t')));
    // Digits are the bytes that lie at most 9 above '0'.
    __m128i above = _mm_sub_epi8(v, _mm_set1_epi8('0'));
    __m128i digit = _mm_cmpeq_epi8(_mm_min_epu8(above, _mm_set1_epi8(9)), above);
    __m128i quote = _mm_cmpeq_epi8(v, _mm_set1_epi8('"'));
    classes.blank |= (uint64_t)(uint32_t)_mm_movemask_epi8(blank) << (part * 16);
    classes.digit |= (uint64_t)(uint32_t)_mm_movemask_epi8(digit) << (part * 16);
    classes.quote |= (uint64_t)(uint32_t)_mm_movemask_epi8(quote) << (part * 16);
  }
  return classes;
}

size_t linux_plain_text_end(const void *bytes, size_t count) {
  const uint8_t *text = bytes;
  size_t at = 0;
  for (; at + 16 <= count; at += 16) {
    __m128i v = _mm_loadu_si128((const __m128i *)(text + at));
    // As signed numbers, bytes from 0x80 are below 0x20 too.
    __m128i odd = _mm_or_si128(_mm_cmplt_epi8(v, _mm_set1_epi8(0x20)),
                               _mm_cmpeq_epi8(v, _mm_set1_epi8(0x7f)));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('"')));
    odd = _mm_or_si128(odd, _mm_cmpeq_epi8(v, _mm_set1_epi8('\\')));
    uint32_t mask = (uint32_t)_mm_movemask_epi8(odd);
    if (mask != 0) return at + (size_t)__builtin_ctz(mask);
  }
  return at + linux_plain_text_end_plain(text + at, count - at);
}
#elif defined(__ARM_NEON)
// One bit for each of 16 bytes that are 0 or 0xff.
static uint64_t mask16(uint8x16_t v) {
  static const uint8_t bits[16] = {1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128};
  uint8x16_t kept = vandq_u8(v, vld1q_u8(bits));
  return (uint64_t)vaddv_u8(vget_low_u8(kept)) | (uint64_t)vaddv_u8(vget_high_u8(kept)) << 8;
}

static struct linux_byte_classes classify64(const uint8_t *text) {
  struct linux_byte_classes classes = {0, 0, 0};
  for (int part = 0; part < 4; part++) {
    uint8x16_t v = vld1q_u8(text + part * 16);
    uint8x16_t blank = vorrq_u8(vceqq_u8(v, vdupq_n_u8(' ')), vceqq_u8(v, vdupq_n_u8('\t')));
    uint8x16_t digit = vcleq_u8(vsubq_u8(v, vdupq_n_u8('0')), vdupq_n_u8(9));
    classes.blank |= mask16(blank) << (part * 16);
    classes.digit |= mask16(digit) << (part * 16);
    classes.quote |= mask16(vceqq_u8(v, vdupq_n_u8('"'))) << (part * 16);
  }
  return classes;
}

size_t linux_plain_text_end(const void *bytes, size_t count) {
  const uint8_t *text = bytes;
  size_t at = 0;
  for (; at + 16 <= count; at += 16) {
    uint8x16_t v = vld1q_u8(text + at);
    uint8x16_t odd = vorrq_u8(vcltq_u8(v, vdupq_n_u8(0x20)), vcgtq_u8(v, vdupq_n_u8(0x7e)));
    odd = vorrq_u8(odd, vceqq_u8(v, vdupq_n_u8('"')));
    odd = vorrq_u8(odd, vceqq_u8(v, vdupq_n_u8('\\')));
    uint64_t mask = mask16(odd);
    if (mask != 0) return at + (size_t)__builtin_ctzll(mask);
  }
  return at + linux_plain_text_end_plain(text + at, count - at);
}
#else
static struct linux_byte_classes classify64(const uint8_t *text) {
  struct linux_byte_classes classes;
  linux_classify_plain(text, 64, &classes);
  return classes;
}

size_t linux_plain_text_end(const void *bytes, size_t count) {
  return linux_plain_text_end_plain(bytes, count);
}
#endif

void linux_classify(const void *bytes, size_t count, struct linux_byte_classes *masks) {
  const uint8_t *text = bytes;
  size_t at = 0;
  for (; at + 64 <= count; at += 64) masks[at / 64] = classify64(text + at);
  if (at < count) linux_classify_plain(text + at, count - at, masks + at / 64);
}
