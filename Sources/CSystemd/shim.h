#pragma once
#include <stdlib.h>
#include <systemd/sd-journal.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-id128.h>

// A cursor's text is the caller's to free.
static inline void journal_free_cursor(char *cursor) { free(cursor); }
