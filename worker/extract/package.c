/* See package.h. */
#include "package.h"

#include <stdlib.h>
#include <zip.h>

/* processing.md, Formats: limits. The ratio is judged once so much is unpacked: small parts may well pack better. */
#define UNPACKED_BYTES_MAX (100u * 1000 * 1000)
#define RATIO_MAX 100
#define RATIO_FROM_BYTES (1u * 1000 * 1000)
#define ENTRIES_MAX 10000

struct package {
	zip_t *zip;
	uint64_t unpacked_bytes;
	enum error_code error;
};

struct package_part {
	struct package *package;
	zip_file_t *file;
	uint64_t packed_bytes, unpacked_bytes;
};

static void fail(struct package *p, enum error_code code)
{
	if (p->error == ERR_NONE)
		p->error = code;
}

static enum error_code code_of(int zip_error_code)
{
	switch (zip_error_code) {
	case ZIP_ER_MEMORY: return ERR_memory_limit;
	case ZIP_ER_NOPASSWD:
	case ZIP_ER_WRONGPASSWD:
	case ZIP_ER_ENCRNOTSUPP: return ERR_encrypted;
	default: return ERR_corrupt;
	}
}

/* The directory alone shows entries that share data, or that claim too much. */
static enum error_code check_directory(struct package *p, size_t file_bytes)
{
	zip_int64_t n = zip_get_num_entries(p->zip, 0);
	uint64_t packed = 0, unpacked = 0;

	if (n > ENTRIES_MAX)
		return ERR_zip_bomb;
	for (zip_int64_t i = 0; i < n; i++) {
		zip_stat_t st;

		if (zip_stat_index(p->zip, (zip_uint64_t)i, 0, &st) < 0)
			return ERR_corrupt;
		if (st.comp_size > file_bytes - packed)
			return ERR_zip_bomb;
		packed += st.comp_size;
		if (st.size > UNPACKED_BYTES_MAX - unpacked)
			return ERR_zip_bomb;
		unpacked += st.size;
	}
	return ERR_NONE;
}

enum error_code package_open(struct str file, struct package **out)
{
	zip_error_t error;
	zip_source_t *source;
	enum error_code code = ERR_memory_limit;
	struct package *p = calloc(1, sizeof(*p));

	if (!p)
		return code;
	zip_error_init(&error);
	source = zip_source_buffer_create(file.p, file.n, 0, &error);
	p->zip = source ? zip_open_from_source(source, ZIP_RDONLY, &error) : NULL;
	if (!p->zip) {
		code = code_of(zip_error_code_zip(&error));
		zip_source_free(source);
		goto fail;
	}
	code = check_directory(p, file.n);
	if (code != ERR_NONE)
		goto fail;
	zip_error_fini(&error);
	*out = p;
	return ERR_NONE;
fail:
	zip_error_fini(&error);
	package_free(p);
	return code;
}

void package_free(struct package *p)
{
	if (p && p->zip)
		zip_discard(p->zip);
	free(p);
}

enum error_code package_error(const struct package *p)
{
	return p->error;
}

bool package_has(struct package *p, const char *name)
{
	return zip_name_locate(p->zip, name, 0) >= 0;
}

struct package_part *package_part_open(struct package *p, const char *name)
{
	zip_int64_t index = zip_name_locate(p->zip, name, 0);
	struct package_part *part;
	zip_stat_t st;

	if (index < 0 || zip_stat_index(p->zip, (zip_uint64_t)index, 0, &st) < 0)
		return NULL;
	part = calloc(1, sizeof(*part));
	if (!part) {
		fail(p, ERR_memory_limit);
		return NULL;
	}
	part->package = p;
	part->packed_bytes = st.comp_size;
	part->file = zip_fopen_index(p->zip, (zip_uint64_t)index, 0);
	if (!part->file) {
		fail(p, code_of(zip_error_code_zip(zip_get_error(p->zip))));
		free(part);
		return NULL;
	}
	return part;
}

static bool is_bomb(const struct package_part *part)
{
	if (part->package->unpacked_bytes > UNPACKED_BYTES_MAX)
		return true;
	return part->unpacked_bytes > RATIO_FROM_BYTES && part->unpacked_bytes / RATIO_MAX > part->packed_bytes;
}

int package_part_read(struct package_part *part, void *to, size_t n)
{
	zip_int64_t got = zip_fread(part->file, to, n);

	if (got < 0) {
		fail(part->package, code_of(zip_error_code_zip(zip_file_get_error(part->file))));
		return -1;
	}
	part->unpacked_bytes += (uint64_t)got;
	part->package->unpacked_bytes += (uint64_t)got;
	if (is_bomb(part)) {
		fail(part->package, ERR_zip_bomb);
		return -1;
	}
	return (int)got;
}

void package_part_close(struct package_part *part)
{
	zip_fclose(part->file);
	free(part);
}

bool package_part_starts(struct package *p, const char *name, struct str text)
{
	struct package_part *part = package_part_open(p, name);
	char start[128];
	int n;

	if (!part)
		return false;
	n = package_part_read(part, start, sizeof(start));
	package_part_close(part);
	return n >= 0 && str_starts(str_of(start, (size_t)n), text);
}
