/* The configuration file, and redis.url. */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "config.h"
#include "redis.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static int fd = -1;
	char path[64];
	struct config_args args = { .file = path };
	struct redis_address address;
	struct config cfg;
	struct buf problems;

	if (fd < 0)
		fd = memfd_create("config", 0);
	if (ftruncate(fd, 0) < 0 || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	buf_init(&problems, 1 << 20);
	config_load(&cfg, &args, &problems);
	redis_address_parse(cfg.redis_url, &address, &problems);
	config_free(&cfg);
	buf_free(&problems);
	return 0;
}
