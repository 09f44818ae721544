/* Between server_http.c and websocket.c. */
#ifndef CVPULSE_WEBSOCKET_INTERNAL_H
#define CVPULSE_WEBSOCKET_INTERNAL_H

struct server;
struct http_connection;

void websockets_close(struct server *s);
/* Ends the request and the HTTP connection, but not the socket, which is returned. */
int http_connection_give_away(struct http_connection *c);

#endif
