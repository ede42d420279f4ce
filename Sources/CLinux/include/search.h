#pragma once
#include <stddef.h>

/// Where `needle` first occurs in `bytes`, or `count` when it does not.
size_t linux_find(const void *bytes, size_t count, const void *needle, size_t needle_count);
