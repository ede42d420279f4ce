#pragma once
#include <stddef.h>
#include <string.h>

/// Index of the first `byte` of `count` bytes, or -1; libc's vectorised search.
static inline ptrdiff_t linux_index_of_byte(const void *bytes, unsigned char byte, size_t count) {
  const void *found = count ? memchr(bytes, byte, count) : 0;
  return found ? (const char *)found - (const char *)bytes : -1;
}
