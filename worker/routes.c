/* The API's routes: the one list of what this program answers (schema/openapi.yaml describes them). */
#include "api.h"
#include "calls.h"
#include "intake.h"
#include "tus.h"

const struct route api_routes[] = {
	{ HTTP_POST,   ROUTE_UPLOAD, API_BASE "/cvs",                 intake_handle },
	{ HTTP_OPTIONS, ROUTE_OPEN,  API_BASE "/files",               tus_options },
	{ HTTP_POST,   ROUTE_UPLOAD, API_BASE "/files",               tus_create },
	{ HTTP_OPTIONS, ROUTE_OPEN,  API_BASE "/files/{id}",          tus_options },
	{ HTTP_HEAD,   ROUTE_UPLOAD, API_BASE "/files/{id}",          tus_look },
	{ HTTP_PATCH,  ROUTE_UPLOAD, API_BASE "/files/{id}",          tus_patch },
	{ HTTP_DELETE, ROUTE_UPLOAD, API_BASE "/files/{id}",          tus_terminate },
	{ HTTP_GET,    ROUTE_USER,   API_BASE "/cvs/{id}",            cvs_get },
	{ HTTP_DELETE, ROUTE_USER,   API_BASE "/cvs/{id}",            cvs_delete },
	{ HTTP_GET,    ROUTE_USER,   API_BASE "/cvs/{id}/file",       cvs_file },
	{ HTTP_POST,   ROUTE_USER,   API_BASE "/cvs/{id}/retry",      cvs_retry },
	{ HTTP_POST,   ROUTE_USER,   API_BASE "/batches",             batches_open },
	{ HTTP_GET,    ROUTE_USER,   API_BASE "/batches",             batches_list },
	{ HTTP_GET,    ROUTE_USER,   API_BASE "/batches/{id}",        batches_get },
	{ HTTP_POST,   ROUTE_USER,   API_BASE "/batches/{id}/close",  batches_close },
	{ HTTP_POST,   ROUTE_USER,   API_BASE "/batches/{id}/cancel", batches_cancel },
	{ HTTP_DELETE, ROUTE_USER,   API_BASE "/users/{id}",          users_erase },
	{ HTTP_POST,   ROUTE_USER,   API_BASE "/jobs",                jobs_create },
	{ HTTP_GET,    ROUTE_OPEN,   "/health",                       health_live },
	{ HTTP_GET,    ROUTE_OPEN,   "/health/live",                  health_live },
	{ HTTP_GET,    ROUTE_OPEN,   "/health/ready",                 health_ready },
	{ HTTP_GET,    ROUTE_OPEN,   "/health/redis",                 health_redis },
	{ HTTP_GET,    ROUTE_OPEN,   "/health/storage",               health_storage },
	{ HTTP_GET,    ROUTE_OPEN,   "/health/db",                    health_storage },
	{ HTTP_GET,    ROUTE_OPEN,   "/health/comprehensive",         health_comprehensive },
	{ HTTP_GET,    ROUTE_ADMIN,  "/api/stats",                    stats_show },
	{ HTTP_GET,    ROUTE_ADMIN,  "/metrics",                      stats_metrics },
	{ HTTP_GET,    ROUTE_ADMIN,  "/queue",                        queue_page_show },
	{ HTTP_POST,   ROUTE_ADMIN,  "/queue/pause",                  queue_page_pause },
	{ HTTP_POST,   ROUTE_ADMIN,  "/queue/resume",                 queue_page_resume },
	{ HTTP_POST,   ROUTE_ADMIN,  "/queue/cvs/{id}/retry",         cvs_retry },
	{ HTTP_POST,   ROUTE_ADMIN,  "/queue/cvs/{id}/drop",          cvs_drop },
	{ HTTP_OTHER,  ROUTE_OPEN,   NULL, NULL },
};
