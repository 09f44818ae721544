/* See memory.h. */
#include "memory.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <unistd.h>

#include "wire.h"

static uint64_t limit;                  /* 0: not watching */
static int frame_fd = -1;
static volatile sig_atomic_t ran_out;

bool memory_ran_out(void)
{
	return ran_out;
}

/* Async-signal-safe. */
static _Noreturn void leave(void)
{
	frame_write(frame_fd, STR("{\"type\":\"error\",\"code\":\"memory_limit\"}"));
	_exit(0);
}

#ifdef WITH_SANITIZERS

/* Of <sanitizer/allocator_interface.h>, which GCC does not install. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t), void (*on_free)(const volatile void *));
size_t __sanitizer_get_current_allocated_bytes(void);

static void on_malloc(const volatile void *p, size_t n)
{
	if (p && limit && __sanitizer_get_current_allocated_bytes() > limit)
		leave();
}

static void on_free(const volatile void *p)
{
}

static void watch(void)
{
	__sanitizer_install_malloc_and_free_hooks(on_malloc, on_free);
}

#else

/* glibc's own names for its functions; those below take their place for every library of the process. */
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);

static void *checked(void *p, size_t n)
{
	if (!p && n && n <= limit)
		ran_out = 1;
	return p;
}

void *malloc(size_t n)
{
	return checked(__libc_malloc(n), n);
}

void *calloc(size_t n, size_t size)
{
	size_t bytes;

	return checked(__libc_calloc(n, size), __builtin_mul_overflow(n, size, &bytes) ? SIZE_MAX : bytes);
}

void *realloc(void *p, size_t n)
{
	return checked(__libc_realloc(p, n), n);
}

void *memalign(size_t alignment, size_t n);

void *memalign(size_t alignment, size_t n)
{
	return checked(__libc_memalign(alignment, n), n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return memalign(alignment, n);
}

int posix_memalign(void **out, size_t alignment, size_t n)
{
	void *p;

	if (alignment % sizeof(void *) || (alignment & (alignment - 1)) || alignment == 0)
		return EINVAL;
	p = memalign(alignment, n);
	if (!p)
		return ENOMEM;
	*out = p;
	return 0;
}

/* The handler is gone after one call (SA_RESETHAND): returning repeats the fault, which then kills as it should. */
static void on_fatal_signal(int number)
{
	if (ran_out)
		leave();
	raise(number);
}

static void watch(void)
{
	const int fatal[] = { SIGABRT, SIGTRAP, SIGSEGV, SIGBUS };
	struct sigaction action = { .sa_handler = on_fatal_signal, .sa_flags = (int)SA_RESETHAND };

	for (size_t i = 0; i < sizeof(fatal) / sizeof(fatal[0]); i++)
		sigaction(fatal[i], &action, NULL);
}

#endif

void memory_watch(uint64_t limit_bytes, int pipe)
{
	limit = limit_bytes;
	frame_fd = pipe;
	watch();
}
