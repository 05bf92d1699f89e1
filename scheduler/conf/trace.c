#include "conf/trace.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DIGITS = 16 };

static char *url_with(const char *url, const char *parameter)
{
    CURLU *u = curl_url();
    char *text = NULL, *out = NULL;

    if (!u)
        abort();
    if (!curl_url_set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) &&
        !curl_url_set(u, CURLUPART_QUERY, parameter, CURLU_APPENDQUERY) &&
        !curl_url_get(u, CURLUPART_URL, &text, 0))
        out = xstrdup(text);
    curl_free(text);
    curl_url_cleanup(u);
    return out;
}

char *trace_url(const char *url, const char *value)
{
    char parameter[64];

    snprintf(parameter, sizeof parameter, TRACE_NAME "=%s", value);
    return url_with(url, parameter);
}

const char *trace_link(struct arena *arena, const char *url, const struct digest *revision,
                       int64_t send, instant_t claimed_at)
{
    struct digester *d = digester_new();
    char text[DIGEST_TEXT], value[DIGITS + 1];

    digester_field(d, revision->bytes, DIGEST_BYTES);
    digester_int(d, send);
    digester_int(d, claimed_at);
    const struct digest digest = digester_end(d);
    digest_text(&digest, text);
    snprintf(value, sizeof value, "%s", strchr(text, ':') + 1);
    char *traced = trace_url(url, value);
    const char *out = traced ? arena_strdup(arena, traced) : NULL;
    free(traced);
    return out;
}

size_t trace_length(const char *url)
{
    char *traced = trace_url(url, "0123456789abcdef");
    size_t length = traced ? strlen(traced) : 0;

    free(traced);
    return length;
}

bool trace_taken(const char *url)
{
    size_t end = strcspn(url, "#"), at = strcspn(url, "?");

    while (at < end) {
        at++;
        if (strncmp(url + at, TRACE_NAME "=", strlen(TRACE_NAME "=")) == 0)
            return true;
        at += strcspn(url + at, "&");
    }
    return false;
}
