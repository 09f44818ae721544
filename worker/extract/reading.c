/* See reading.h. */
#include "reading.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "json_member.h"
#include "memory.h"
#include "parse.h"
#include "read.h"

/* The worker's own cap on all that a child may write is 8 MB; this one only bounds a single part. */
#define PART_BYTES_MAX (8u << 20)
#define EARLY_BYTES_MAX 900     /* a longer name is none */
#define TEXT_BYTES_MAX (1u << 20)
#define PROGRESS_PARSING 90     /* EXTRACTOR_PARSES_FROM of the worker: reading takes most of the time */

static const char *mime_of(const char *format)
{
	static const struct { const char *format, *mime; } table[] = {
		{ "pdf", "application/pdf" },
		{ "docx", "application/vnd.openxmlformats-officedocument.wordprocessingml.document" },
		{ "odt", "application/vnd.oasis.opendocument.text" },
		{ "rtf", "text/rtf" },
		{ "doc", "application/msword" },
		{ "png", "image/png" },
		{ "jpeg", "image/jpeg" },
		{ "tiff", "image/tiff" },
		{ "html", "text/html" },
		{ "txt", "text/plain" },
	};

	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (strcmp(format, table[i].format) == 0)
			return table[i].mime;
	return "application/octet-stream";
}

static int write_error(int pipe_fd, enum error_code code)
{
	char json[128];
	int n = snprintf(json, sizeof(json), "{\"type\":\"error\",\"code\":\"%s\"}", error_name(code));

	return frame_write(pipe_fd, str_of(json, (size_t)n));
}

static void write_progress(int pipe_fd, int percent, const char *message)
{
	struct buf json;

	buf_init(&json, WIRE_TEXT_MAX * 6);
	buf_addf(&json, "{\"type\":\"progress\",\"percent\":%d,\"message\":", percent);
	buf_add_json(&json, str_c(message));
	buf_addz(&json, "}");
	if (!json.failed)
		frame_write(pipe_fd, buf_str(&json));
	buf_free(&json);
}

/* A document that is being read. */
struct told {
	int pipe_fd;
	const struct document *doc;
	bool early;             /* said already */
};

/* Who it is, from what has been read so far: the person who waits for a long document sees it after the first page. */
static void write_early(const struct told *told)
{
	struct buf resume, summary, json;
	struct str name;

	buf_init(&resume, PART_BYTES_MAX);
	buf_init(&summary, PART_BYTES_MAX);
	buf_init(&json, EARLY_BYTES_MAX);
	if (parse_resume(told->doc, &resume, &summary) == 0) {
		name = json_member(buf_str(&summary), "name");
		buf_addz(&json, "{\"type\":\"early\",\"early\":{");
		if (name.n)
			buf_addf(&json, "\"name\":" STR_FMT ",", STR_ARG(name));
		buf_addf(&json, "\"has_email\":" STR_FMT "}}", STR_ARG(json_member(buf_str(&summary), "has_email")));
		if (!json.failed)
			frame_write(told->pipe_fd, buf_str(&json));
	}
	buf_free(&json);
	buf_free(&summary);
	buf_free(&resume);
}

static void on_progress(void *ctx, int percent, const char *message)
{
	struct told *told = ctx;

	if (!told->early && percent < 100 && told->doc->n_lines > 0) {
		told->early = true;
		write_early(told);
	}
	write_progress(told->pipe_fd, percent * PROGRESS_PARSING / 100, message);
}

/* The lines as one text, for the operator's processor. */
static void add_text(struct buf *json, const struct document *doc)
{
	struct buf text;

	buf_init(&text, TEXT_BYTES_MAX);
	for (size_t i = 0; i < doc->n_lines; i++) {
		size_t n = strlen(doc->lines[i].text);

		if (text.n + n + 1 > TEXT_BYTES_MAX)
			break;
		buf_add(&text, doc->lines[i].text, n);
		buf_addz(&text, "\n");
	}
	buf_addz(json, ",\"text\":");
	buf_add_json(json, buf_str(&text));
	buf_free(&text);
}

static enum error_code write_result(int pipe_fd, const struct document *doc, int *rc)
{
	struct buf resume, summary, json;
	enum error_code code = ERR_NONE;

	buf_init(&resume, PART_BYTES_MAX);
	buf_init(&summary, PART_BYTES_MAX);
	buf_init(&json, 2 * PART_BYTES_MAX);
	*rc = parse_resume(doc, &resume, &summary);
	if (*rc < 0) {
		code = *rc == -ENOMEM ? ERR_memory_limit : *rc == -EMSGSIZE ? ERR_too_large : ERR_internal;
		goto out;
	}
	buf_addf(&json, "{\"type\":\"result\",\"format\":\"%s\",\"mime\":\"%s\",\"pages\":%d,\"text_chars\":%zu,\"result\":",
		 doc->format, mime_of(doc->format), doc->pages, doc->text_chars);
	buf_adds(&json, buf_str(&summary));
	buf_addz(&json, ",\"resume\":");
	buf_adds(&json, buf_str(&resume));
	add_text(&json, doc);
	buf_addz(&json, "}");
	if (json.failed)
		code = ERR_memory_limit;
	else
		*rc = frame_write(pipe_fd, buf_str(&json));
out:
	buf_free(&json);
	buf_free(&summary);
	buf_free(&resume);
	return code;
}

int reading_run(int file_fd, int pipe_fd, const char *filename, enum wire_way way)
{
	struct document doc;
	struct told told = { .pipe_fd = pipe_fd, .doc = &doc };
	struct read_input in = {
		.fd = file_fd, .filename = filename, .converted = way == WIRE_WAY_CONVERTER, .progress = on_progress, .ctx = &told,
		.ocr = way == WIRE_WAY_OCR ? READ_OCR_NOW : readers_have_ocr() ? READ_OCR_LATER : READ_OCR_NEVER,
	};
	enum error_code code;
	int rc = 0;

	lseek(file_fd, 0, SEEK_SET); /* a second try shares its position with the first */
	document_init(&doc);
	code = document_read(&in, &doc);
	if (code == ERR_NONE) {
		write_progress(pipe_fd, PROGRESS_PARSING, "Looking for names, dates and skills");
		code = write_result(pipe_fd, &doc, &rc);
	}
	if (doc.needs_converter)
		rc = frame_write(pipe_fd, STR("{\"type\":\"needs\",\"way\":\"converter\"}"));
	else if (code == ERR_ocr_unavailable && doc.has_scans && in.ocr == READ_OCR_LATER)
		rc = frame_write(pipe_fd, STR("{\"type\":\"needs\",\"way\":\"ocr\"}"));
	else if (code != ERR_NONE)
		rc = write_error(pipe_fd, memory_ran_out() ? ERR_memory_limit : code);
	document_free(&doc);
	return rc;
}
