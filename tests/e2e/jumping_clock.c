// Loaded before libc into a program: its wall clock is off by as many seconds as the file STRATUS_CLOCK_FILE says at
// the moment. The monotonic clock is left alone, as it is when a machine's clock is set.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const volatile long* offset;
static int (*real_gettime)(clockid_t, struct timespec*);

__attribute__((constructor)) static void Load(void) {
  const int fd = open(getenv("STRATUS_CLOCK_FILE"), O_RDONLY | O_CLOEXEC);
  void* page = mmap(NULL, sizeof(long), PROT_READ, MAP_SHARED, fd, 0);
  offset = page == MAP_FAILED ? NULL : page;
  close(fd);
  real_gettime = (int (*)(clockid_t, struct timespec*))dlsym(RTLD_NEXT, "clock_gettime");
}

int clock_gettime(clockid_t clock, struct timespec* now) {
  const int result = real_gettime(clock, now);
  if (result == 0 && offset != NULL && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE))
    now->tv_sec += *offset;
  return result;
}

int gettimeofday(struct timeval* now, void* zone) {
  (void)zone;
  struct timespec time;
  const int result = clock_gettime(CLOCK_REALTIME, &time);
  now->tv_sec = time.tv_sec;
  now->tv_usec = time.tv_nsec / 1000;
  return result;
}
