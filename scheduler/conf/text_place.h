/* From a place in a file to its bytes. Private to conf. */
#ifndef PACELINE_CONF_TEXT_PLACE_H
#define PACELINE_CONF_TEXT_PLACE_H

#include "conf/campaign.h"

/* NULL when the file has no such line. */
const char *text_source_at(const char *source, struct place at);

#endif
