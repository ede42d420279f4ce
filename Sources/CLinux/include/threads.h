#pragma once
#include <stddef.h>
#include <stdint.h>

/// Names the calling thread; the kernel keeps 15 bytes.
void linux_set_thread_name(const char *name);
/// How many processors the calling thread may run on, or 1 where the kernel does not say.
int linux_processor_count(void);
/// A signalfd(2) for the set of `count` signals, which are blocked in the calling thread too.
int linux_signal_descriptor(const int *signals, int count);
/// The next signal of such a descriptor, or 0 where none waits.
int linux_next_signal(int descriptor);
/// Blocks `count` signals in the calling thread and those that it will start.
int linux_block_signals(const int *signals, int count);
/// Ignores SIGPIPE for the whole process.
void linux_ignore_sigpipe(void);
/// Lets malloc serve blocks up to `mapped_bytes` from memory that it keeps, of which up to
/// `kept_bytes` at each arena's end are not given back.
void linux_keep_freed_memory(int mapped_bytes, int kept_bytes);
/// Gives memory that was freed back to the kernel when more than `kept_bytes` of it are still the
/// process's own; 1 when that was so.
int linux_give_back_freed(size_t kept_bytes);
/// Lets all threads allocate from one arena.
void linux_share_one_arena(void);
/// Gives back the pages of the program and its libraries that hold code; those that are run again
/// are read again from their files (usually from the page cache).
void linux_give_back_code(void);
