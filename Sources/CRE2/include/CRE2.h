#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// A compiled RE2 expression; safe to match with from several threads.
typedef struct cre2_regex cre2_regex;

typedef struct {
  const char *start;  ///< NULL when the group took no part in the match
  size_t count;
} cre2_group;

/// Compiles `pattern` with a memory cap in bytes. On a bad pattern returns NULL and writes the
/// reason, cut to `reason_capacity - 1` bytes and ended with a zero.
cre2_regex *cre2_compile(const char *pattern, size_t count, int64_t memory_max, bool latin1,
                         bool ignore_case, char *reason, size_t reason_capacity);
void cre2_free(cre2_regex *regex);
/// Capturing groups without the whole match.
int cre2_group_count(const cre2_regex *regex);
/// Writes the name of group `index` (1 and up); 0 when it has none.
size_t cre2_group_name(const cre2_regex *regex, int index, char *name, size_t capacity);
/// Searches `text[from..<count]`, unanchored or with the whole text to match. Fills `groups`
/// (0 is the whole match).
bool cre2_match(const cre2_regex *regex, const char *text, size_t count, size_t from, bool whole,
                cre2_group *groups, int group_count);

#ifdef __cplusplus
}
#endif
