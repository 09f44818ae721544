/*
 * The fork server: keeps children warm, hands each request of the worker to one of them, and tells how each one ended.
 * It never looks at a file or at what a child writes. Called by main.c.
 */
#ifndef EXTRACT_SERVER_H
#define EXTRACT_SERVER_H

#include "sandbox.h"
#include "str.h"

#define SERVER_CHILDREN_MAX 2048

struct server_config {
	struct sandbox_config sandbox, ocr; /* ocr: of a child that reads pictures; never warm */
	unsigned warm;          /* children that wait beside those at work */
	struct str ocr_missing; /* languages of OCR that are not installed: the worker is told */
};

/* Serves the worker at WIRE_FD until it closes its end; then every child is dead and waited for. 0 or -errno. */
int server_run(const struct server_config *config);

#endif
