/* Web addresses of the person: profiles on networks, and the own site. */
#ifndef EXTRACT_PARSE_URL_H
#define EXTRACT_PARSE_URL_H

#include "parse_model.h"

/* Whether a word is an address without a scheme: "milapetrova.example", "github.com/jane". */
bool url_is_bare(struct str word);
/* Whether an address is fit for a result: one of http, ASCII, no spaces or quotes. */
bool url_is_clean(struct str url);
/* Takes one address into the résumé: as a profile when a network has it, else as the own site when own_site allows. */
void url_take(struct str url, bool own_site, struct resume *r);
/* All addresses of a line, and user names beside the name of their network ("jane (GitHub)", "Twitter: @jane"). */
void urls_from_text(struct str text, bool own_site, struct resume *r);

#endif
