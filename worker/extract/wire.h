/*
 * What the worker, the fork server and its children say to each other. Requests and reports are messages of one fixed
 * shape on SOCK_SEQPACKET sockets, all ends being of one build; descriptors ride along. What a child found out comes as
 * frames (four bytes of length, most significant first, then one JSON object) on a pipe of its own, which the worker
 * reads with distrust. This is the header that the rest of the worker includes.
 *
 *   worker -> server   RUN (job, text: file name, way; descriptors: the file, the pipe's write end), KILL (job)
 *   server -> worker   READY (layers, text: languages of OCR that are not installed), ENDED (job, status: as of wait(2)), REFUSED (text: why no child can start)
 *   server -> child    RUN
 *   child  -> server   READY (layers) or REFUSED, once it is in its sandbox
 *   child  -> worker   frames: any number of "progress", at most one "early", then one "result", "error" or "needs" (another way)
 */
#ifndef EXTRACT_WIRE_H
#define EXTRACT_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "errors.h"
#include "str.h"

#define WIRE_FD 3               /* where a server, and a child, find their socket */
#define WIRE_TEXT_MAX 1024      /* of a text, with its NUL */
#define WIRE_NOT_STARTED (-1)   /* ENDED: there was no child to run it */

enum wire_kind { WIRE_RUN = 1, WIRE_KILL, WIRE_READY, WIRE_ENDED, WIRE_REFUSED };

/* How a file is read. CONVERTER: catdoc reads it first, and the child gets what that says instead of the file. OCR: by a child
 * that reads pictures too, and has the time and the memory for it. */
enum wire_way { WIRE_WAY_READER, WIRE_WAY_CONVERTER, WIRE_WAY_OCR };

/* Bits of READY's layers beside those of enum sandbox_optional: files can go these ways. */
#define WIRE_HAS_CONVERTER (1u << 16)
#define WIRE_HAS_OCR (1u << 17)

enum { WIRE_FD_FILE, WIRE_FD_PIPE, WIRE_FDS };

struct wire_message {
	enum wire_kind kind;
	uint32_t job;
	enum wire_way way;      /* RUN */
	int status;
	unsigned layers;        /* enum sandbox_optional, or'ed: those in force */
	char text[WIRE_TEXT_MAX];
};

/* Copies what fits; of a name that is too long the end is kept, since the ending is all that a reader looks at. */
void wire_text(char out[WIRE_TEXT_MAX], struct str text);
/* fds: WIRE_FDS descriptors for RUN, else NULL. 0, -EAGAIN on a full socket that does not block, -errno. */
int wire_send(int socket, const struct wire_message *message, const int *fds);
/* 1: a message. For RUN, fds holds descriptors that the caller now owns (close-on-exec), else -1. 0: the other side is
 * gone. -EAGAIN, -errno; -EPROTO: no such message. */
int wire_receive(int socket, struct wire_message *message, int fds[WIRE_FDS]);

/* The code that a wait status stands for: ERR_NONE when the child left in good order, so that its frame counts. */
enum error_code wire_outcome(int status);

/* Writes one frame to a descriptor that blocks. 0 or -errno. */
int frame_write(int fd, struct str json);

/* Valid UTF-8 without control characters: a frame that can stand in a log, an event or a terminal unharmed. */
bool frame_is_text(struct str json);

/* Takes frames apart as bytes arrive. */
struct frame_reader {
	struct buf waiting;     /* bytes that are no whole frame yet */
	size_t taken;           /* bytes of waiting that frame_next() has given out */
	size_t bytes_seen, bytes_max;
};

void frame_reader_init(struct frame_reader *reader, size_t bytes_max);
void frame_reader_free(struct frame_reader *reader);
/* 0, -EMSGSIZE: more than bytes_max in all, -ENOMEM. */
int frame_feed(struct frame_reader *reader, const void *bytes, size_t n);
/* The next whole frame, good until the next feed. 1, 0: more bytes are needed, -EMSGSIZE: a frame longer than bytes_max. */
int frame_next(struct frame_reader *reader, struct str *json);

#endif
