#pragma once
#include <stddef.h>

/// Where `needle` first occurs in `bytes`, or `count` when it does not. An empty needle occurs
/// at 0.
size_t linux_find(const void *bytes, size_t count, const void *needle, size_t needle_count);
/// The same, byte by byte: what the other one is tested against.
size_t linux_find_plain(const void *bytes, size_t count, const void *needle,
                        size_t needle_count);
