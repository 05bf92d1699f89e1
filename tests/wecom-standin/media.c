/* Uploads (pages 90253, 90256): kinds by their first bytes, sizes, three days. */
#include "standin.h"

#include <microhttpd.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MIB = 1024 * 1024, SMALLEST = 6, FORM_BUFFER = 64 * 1024 };
static const int64_t life_ms = 3 * 24 * 3600 * (int64_t)1000;

struct part_of_form { /* the first file of the form */
    char filename[256];
    char *bytes;
    size_t length;
    bool seen;
};

static enum MHD_Result on_form(void *cls, enum MHD_ValueKind kind, const char *key,
                               const char *filename, const char *type, const char *encoding,
                               const char *bytes, uint64_t offset, size_t n)
{
    struct part_of_form *f = cls;

    (void)kind, (void)key, (void)type, (void)encoding;
    if (!filename || (f->seen && offset == 0 && f->length > 0))
        return MHD_YES; /* another field, or a second file */
    f->seen = true;
    text_copy(f->filename, sizeof(f->filename), filename);
    f->bytes = realloc(f->bytes, f->length + n + 1);
    if (!f->bytes)
        abort();
    memcpy(f->bytes + f->length, bytes, n);
    f->length += n;
    return MHD_YES;
}

/* False: the body is no form. */
static bool read_form(const struct request *r, struct part_of_form *f)
{
    struct MHD_PostProcessor *form = MHD_create_post_processor(r->peer, FORM_BUFFER, on_form, f);

    if (!form)
        return false;
    MHD_post_process(form, r->body, r->length);
    MHD_destroy_post_processor(form);
    return f->seen;
}

static bool starts(const struct part_of_form *f, size_t at, const char *magic)
{
    return f->length >= at + strlen(magic) && !memcmp(f->bytes + at, magic, strlen(magic));
}

static bool is_picture(const struct part_of_form *f)
{
    return starts(f, 0, "\xff\xd8\xff") || starts(f, 0, "\x89PNG\r\n\x1a\n");
}

static int judge_file(const char *type, const struct part_of_form *f)
{
    static const struct {
        const char *type;
        size_t max;
    } kinds[] = {{"image", 10 * MIB}, {"voice", 2 * MIB}, {"video", 10 * MIB}, {"file", 20 * MIB}};
    size_t max = 0;

    for (size_t i = 0; type && i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!strcmp(kinds[i].type, type))
            max = kinds[i].max;
    }
    if (max == 0)
        return BAD_MEDIA_TYPE;
    if (f->length < SMALLEST)
        return EMPTY_MEDIA;
    if (f->length > max)
        return MEDIA_TOO_LARGE;
    if ((!strcmp(type, "image") && !is_picture(f)) ||
        (!strcmp(type, "voice") && !starts(f, 0, "#!AMR")) ||
        (!strcmp(type, "video") && !starts(f, 4, "ftyp")))
        return BAD_FILE_TYPE;
    return OK;
}

static void note_file(struct request *r, const struct part_of_form *f)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    char hex[2 * EVP_MAX_MD_SIZE + 1] = "";
    size_t n = 0;

    EVP_Q_digest(NULL, "SHA256", NULL, f->bytes, f->length, digest, &n);
    for (size_t i = 0; i < n; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    request_note(r, "filename", json_string(f->filename));
    request_note(r, "size", json_integer((json_int_t)f->length));
    request_note(r, "sha256", json_string(hex));
}

int media_upload(struct standin *s, struct request *r)
{
    const char *type = request_query(r, "type");
    struct part_of_form f = {.length = 0};
    char id[ID_MAX], created[24];
    int code = read_form(r, &f) ? judge_file(type, &f) : EMPTY_MEDIA;

    if (code == OK) {
        world_add_media(&s->world, type, r->now_ms + life_ms, id);
        snprintf(created, sizeof(created), "%lld", (long long)r->now_ms / 1000);
        request_reply(r, "type", json_string(type));
        request_reply(r, "media_id", json_string(id));
        request_reply(r, "created_at", json_string(created));
        request_note(r, "media_id", json_string(id));
    }
    if (f.seen)
        note_file(r, &f);
    free(f.bytes);
    return code;
}

int media_upload_image(struct standin *s, struct request *r)
{
    struct part_of_form f = {.length = 0};
    char url[64];
    int code = OK;

    if (!read_form(r, &f))
        code = EMPTY_MEDIA;
    else if (f.length < SMALLEST || f.length > 2 * MIB)
        code = BAD_IMAGE_SIZE;
    else if (!is_picture(&f))
        code = BAD_FILE_TYPE;
    if (code == OK) {
        snprintf(url, sizeof(url), "https://example.invalid/pic/%llu",
                 (unsigned long long)++s->world.message_count);
        request_reply(r, "url", json_string(url));
    }
    if (f.seen)
        note_file(r, &f);
    free(f.bytes);
    return code;
}
