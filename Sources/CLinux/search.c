#define _GNU_SOURCE
#include "search.h"
#include <string.h>

size_t linux_find(const void *bytes, size_t count, const void *needle, size_t needle_count) {
  const char *found = memmem(bytes, count, needle, needle_count);
  return found ? (size_t)(found - (const char *)bytes) : count;
}
