#pragma once
#include <stddef.h>
#include <stdint.h>

/// Which of 64 bytes are of a class, the first byte in the lowest bit.
struct linux_byte_classes {
  uint64_t blank;  // space or tab
  uint64_t digit;  // 0 to 9
  uint64_t quote;  // double quote
};

/// Classifies `count` bytes into (count + 63) / 64 masks; bits behind the end are 0.
void linux_classify(const void *bytes, size_t count, struct linux_byte_classes *masks);
/// The same, byte by byte: what the other one is tested against.
void linux_classify_plain(const void *bytes, size_t count, struct linux_byte_classes *masks);

/// The index of the first byte that is a double quote, a backslash, below 0x20 or above 0x7e, or
/// `count` when there is none: as far as text of a JSON string stands for itself.
size_t linux_plain_text_end(const void *bytes, size_t count);
/// The same, byte by byte.
size_t linux_plain_text_end_plain(const void *bytes, size_t count);
