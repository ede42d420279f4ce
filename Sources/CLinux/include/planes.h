#pragma once
#include <stddef.h>
#include <stdint.h>

/// Puts `width` (0 to 8) planes of `count` bytes each, which lie one after another, side by side:
/// the lowest byte of out[i] is the first plane's, the next one the second's, those above are 0.
void linux_join_planes(const void *planes, int width, size_t count, uint64_t *out);
/// The same, byte by byte: what the other one is tested against.
void linux_join_planes_plain(const void *planes, int width, size_t count, uint64_t *out);
