#define _GNU_SOURCE
#include "threads.h"
#include <link.h>
#include <malloc.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <unistd.h>

void linux_set_thread_name(const char *name) {
  char cut[16];
  snprintf(cut, sizeof cut, "%s", name);
  pthread_setname_np(pthread_self(), cut);
}

int linux_processor_count(void) {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  int count = CPU_COUNT(&set);
  return count > 0 ? count : 1;
}

int linux_block_signals(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  return pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int linux_signal_descriptor(const int *signals, int count) {
  sigset_t set;
  sigemptyset(&set);
  for (int i = 0; i < count; i++) sigaddset(&set, signals[i]);
  pthread_sigmask(SIG_BLOCK, &set, NULL);
  return signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
}

int linux_next_signal(int descriptor) {
  struct signalfd_siginfo info;
  return read(descriptor, &info, sizeof info) == sizeof info ? (int)info.ssi_signo : 0;
}

void linux_ignore_sigpipe(void) { signal(SIGPIPE, SIG_IGN); }

void linux_keep_freed_memory(int mapped_bytes, int kept_bytes) {
  mallopt(M_MMAP_THRESHOLD, mapped_bytes);
  mallopt(M_TRIM_THRESHOLD, kept_bytes);
}

int linux_give_back_freed(size_t kept_bytes) {
  // What malloc calls free may be the kernel's already, so that what is resident decides.
  FILE *file = fopen("/proc/self/statm", "r");
  if (file == NULL) return 0;
  unsigned long all = 0, resident = 0, shared = 0;
  int found = fscanf(file, "%lu %lu %lu", &all, &resident, &shared);
  fclose(file);
  if (found != 3 || resident < shared) return 0;
  struct mallinfo2 used = mallinfo2();
  size_t own = (resident - shared) * (size_t)sysconf(_SC_PAGESIZE);
  if (own <= used.uordblks + used.hblkhd + kept_bytes) return 0;
  malloc_trim(0);
  return 1;
}

void linux_share_one_arena(void) { mallopt(M_ARENA_MAX, 1); }

static int give_back(struct dl_phdr_info *object, size_t size, void *unused) {
  (void)size;
  (void)unused;
  uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
  for (int i = 0; i < object->dlpi_phnum; i++) {
    const ElfW(Phdr) *part = &object->dlpi_phdr[i];
    // Code alone: it is never written, so nothing is lost with its pages.
    if (part->p_type != PT_LOAD || !(part->p_flags & PF_X) || part->p_flags & PF_W) continue;
    uintptr_t start = (object->dlpi_addr + part->p_vaddr) & ~(page - 1);
    uintptr_t end = object->dlpi_addr + part->p_vaddr + part->p_memsz;
    madvise((void *)start, end - start, MADV_DONTNEED);
  }
  return 0;
}

void linux_give_back_code(void) { dl_iterate_phdr(give_back, NULL); }
