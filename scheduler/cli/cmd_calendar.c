/* `calendar import`: the holidays of an .ics file as calendars/NAME.yaml beside the service file.
 * The file is read by paceline-ics, a program of its own (ics/main.c). */
#include "cli/local.h"
#include "cli/view.h"

#include "base/program.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "conf/duration.h"
#include "conf/file.h"
#include "conf/holidays.h"

#include <errno.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { ICS_BYTES_MAX = 8 * 1024 * 1024, NAME_MAX_BYTES = 64 };
/* how many years a row without an end is followed, in a file that has nothing else */
enum { YEARS_AHEAD = 5 };

struct import {
    const struct cli *cli;
    const char *file;
    struct arena *arena;
    struct diags diags;
    size_t *lines; /* of each entry's beginning */
    size_t line_count;
    struct holiday *entries;
    size_t count, capacity;
    const char *title, *product;
};

extern char **environ;

/* --- the file and its reader --- */

static void lines_find(struct import *im, const char *bytes)
{
    size_t line = 1, capacity = 0;

    for (const char *s = bytes; *s; line++) {
        if (strncasecmp(s, "BEGIN:VEVENT", 12) == 0) {
            im->lines = xgrow(im->lines, &capacity, im->line_count + 1, sizeof *im->lines);
            im->lines[im->line_count++] = line;
        }
        s += strcspn(s, "\n");
        s += *s == '\n';
    }
}

static size_t line_of(const struct import *im, const json_t *object)
{
    int64_t event = view_number(object, "event");

    return event >= 0 && (size_t)event < im->line_count ? im->lines[event] : 1;
}

/* An entry that has no whole days to take. */
static void problem_say(struct import *im, const json_t *object)
{
    static const struct {
        const char *name, *text;
    } problems[] = {
        {"date", TR_TABLE("no date, or one that cannot be")},
        {"time", TR_TABLE("at a time of day, and only whole days count")},
        {"canceled", TR_TABLE("canceled")},
        {"changed", TR_TABLE("changes one of a row of repeated entries")},
        {"rule", TR_TABLE("repeated by a rule that cannot be followed")},
    };
    const char *name = view_text(object, "problem", "");
    struct strbuf title = STRBUF_INIT;

    text_safe(&title, view_text(object, "summary", ""), false);
    for (size_t i = 0; i < sizeof problems / sizeof *problems; i++)
        if (strcmp(problems[i].name, name) == 0)
            diag_add(&im->diags, im->file, line_of(im, object), 1, DIAG_WARNING, 0,
                     tr("left out: '%s' %s: %s"), title.length ? title.text : "",
                     view_text(object, "first", ""), tr(problems[i].text));
    strbuf_dispose(&title);
}

static bool entry_take(struct import *im, const json_t *object)
{
    const char *kind = view_text(object, "kind", "");
    struct holiday entry = {
        .kind = strcmp(kind, "holiday") == 0   ? HOLIDAY_OFF
                : strcmp(kind, "workday") == 0 ? HOLIDAY_WORKED
                                               : HOLIDAY_UNMARKED,
        .endless = json_is_true(json_object_get(object, "endless")),
        .title = arena_strdup(im->arena, view_text(object, "summary", "")),
        .line = line_of(im, object),
    };

    if (!date_parse(view_text(object, "first", ""), &entry.first) ||
        !date_parse(view_text(object, "last", ""), &entry.last))
        return false;
    im->entries = xgrow(im->entries, &im->capacity, im->count + 1, sizeof *im->entries);
    im->entries[im->count++] = entry;
    return true;
}

static bool line_take(struct import *im, const char *line)
{
    json_t *object = json_loads(line, 0, NULL);
    bool ok = object != NULL;

    if (json_object_get(object, "problem")) {
        problem_say(im, object);
    } else if (json_object_get(object, "event")) {
        ok = entry_take(im, object);
    } else if (object) {
        const char *title = view_text(object, "name", NULL);
        const char *product = view_text(object, "product", NULL);
        im->title = title ? arena_strdup(im->arena, title) : NULL;
        im->product = product ? arena_strdup(im->arena, product) : NULL;
    }
    json_decref(object);
    return ok;
}

/* Its standard output, or NULL. */
static FILE *reader_start(int in, int year, pid_t *child, struct err *e)
{
    posix_spawn_file_actions_t actions;
    char *program = NULL, last[16];
    char *arguments[] = {NULL, last, NULL};
    int ends[2];

    if (program_beside(&program, "paceline-ics", e))
        return NULL;
    snprintf(last, sizeof last, "%d", year);
    arguments[0] = program;
    int rc = pipe(ends) ? errno : 0;
    if (rc == 0) {
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
        posix_spawn_file_actions_addclose(&actions, ends[0]);
        rc = posix_spawn(child, program, &actions, NULL, arguments, environ);
        posix_spawn_file_actions_destroy(&actions);
        close(ends[1]);
        if (rc)
            close(ends[0]);
    }
    if (rc)
        err_set(e, ERR_IO, "%s: %s", program, lang_errno(rc));
    free(program);
    return rc ? NULL : fdopen(ends[0], "r");
}

static int entries_read(struct import *im, int in, int year, struct err *e)
{
    pid_t child;
    char *line = NULL;
    size_t capacity = 0;
    int status = 0;
    bool ok = true;
    FILE *from = reader_start(in, year, &child, e);

    if (!from)
        return e->code;
    while (getline(&line, &capacity, from) > 0)
        ok = line_take(im, line) && ok;
    free(line);
    fclose(from);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DATA)
        return err_set(e, ERR_DATA, tr("%s: not an iCalendar file"), im->file);
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0 || !ok)
        return err_set(e, ERR_INTERNAL, tr("paceline-ics broke off"));
    return 0;
}

static int file_take(struct import *im, int year, struct err *e)
{
    struct stat st;
    char *bytes;
    size_t length;
    int fd = -1, rc = file_read(&bytes, &length, im->file, ICS_BYTES_MAX, e);

    if (rc)
        return rc == ERR_LIMIT || rc == ERR_IO ? err_set(e, ERR_DATA, "%s", e->text) : rc;
    lines_find(im, bytes);
    free(bytes);
    rc = file_open(&fd, &st, im->file, e);
    if (rc)
        return rc;
    rc = entries_read(im, fd, year, e);
    close(fd);
    return rc;
}

/* --- the calendar --- */

/* The file's own name, with '-' for what a calendar's name may not have. */
static char *name_from(const char *file)
{
    const char *slash = strrchr(file, '/'), *s = slash ? slash + 1 : file;
    struct strbuf name = STRBUF_INIT;
    size_t length = strcspn(s, ".");

    for (size_t i = 0; i < length && name.length < NAME_MAX_BYTES; i++) {
        char c = s[i];
        c = (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
        bool fits = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
        if (fits || (name.length > 0 && name.text[name.length - 1] != '-'))
            strbuf_putc(&name, fits ? c : '-');
    }
    while (name.length > 0 && name.text[name.length - 1] == '-')
        name.text[--name.length] = '\0';
    return strbuf_take(&name);
}

static bool name_valid(const char *name)
{
    size_t length = strlen(name);

    return length > 0 && length <= NAME_MAX_BYTES && strcmp(name, "plain") != 0 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length;
}

/* Nothing is ever written over. */
static int calendar_save(const char *dir, const char *path, const struct strbuf *text,
                         struct err *e)
{
    if (mkdir(dir, 0755) && errno != EEXIST)
        return err_set(e, ERR_IO, "%s: %s", dir, lang_errno(errno));
    FILE *to = fopen(path, "wx");
    if (!to && errno == EEXIST)
        return err_set(e, ERR_REFUSED,
                       tr("%s is there already: remove it first, or give --name another name"),
                       path);
    if (!to)
        return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
    bool ok = fwrite(text->text, 1, text->length, to) == text->length;
    ok = fclose(to) == 0 && ok;
    if (ok)
        return 0;
    unlink(path);
    return err_set(e, ERR_IO, "%s: %s", path, lang_errno(errno));
}

static void tell(const struct cli *cli, const struct holidays *h, const char *path)
{
    char first[DATE_TEXT], last[DATE_TEXT];

    date_format(h->covers.first, first);
    date_format(h->covers.last, last);
    if (cli->json) {
        say_json(cli, json_pack("{s:s,s:s,s:s,s:s,s:I,s:I}", "calendar", h->name, "file", path,
                                "from", first, "to", last, "holidays", (json_int_t)h->offs,
                                "workdays", (json_int_t)h->worked));
        return;
    }
    put_safe(cli->out, path);
    fprintf(cli->out,
            tr(": %zu off, %zu worked, from %s to %s\nIn a campaign: schedule: {calendar: %s}\n"),
            h->offs, h->worked, first, last, h->name);
}

static int import(struct import *im, const struct local *local, struct holidays *h, int year,
                  struct err *e)
{
    struct strbuf text = STRBUF_INIT, path = STRBUF_INIT, source = STRBUF_INIT;
    char *dir = file_join(local->service->dir, "calendars");
    int rc = file_take(im, year, e);

    if (rc == 0) {
        const char *slash = strrchr(im->file, '/');
        strbuf_printf(&source, "%s%s%s", slash ? slash + 1 : im->file, im->product ? ", by " : "",
                      im->product ? im->product : "");
        h->title = im->title;
        h->source = source.text;
        strbuf_puts(&text, "# Made by `paceline calendar import`.\n");
        rc = holidays_write(&text, h, im->entries, im->count, &im->diags, e);
    }
    strbuf_printf(&path, "%s/%s.yaml", dir, h->name);
    if (rc == 0)
        rc = calendar_save(dir, path.text, &text, e);
    if (rc == 0)
        tell(im->cli, h, path.text);
    strbuf_dispose(&text);
    strbuf_dispose(&path);
    strbuf_dispose(&source);
    free(dir);
    return rc;
}

int cmd_calendar_import(struct cli *cli)
{
    struct import im = {.cli = cli, .file = cli->args[0]};
    struct holidays h = {.file = im.file, .covers = {1, 0}};
    const char *covers = cli->values[OPT_COVERS];
    char made[16];
    time_t now = time(NULL);
    struct tm today;
    struct local local;
    struct err e;

    if (covers && !date_range_parse(covers, &h.covers))
        return args_wrong(cli, tr("--covers FROM..TO, such as 2027-01-01..2027-12-31"));
    char *name = cli->values[OPT_NAME] ? xstrdup(cli->values[OPT_NAME]) : name_from(im.file);
    if (!name_valid(name)) {
        free(name);
        return args_wrong(cli, tr("--name: a-z, 0-9 and '-', and not 'plain'"));
    }
    int rc = local_open(&local, cli);
    if (rc) {
        free(name);
        return rc;
    }
    localtime_r(&now, &today);
    strftime(made, sizeof made, "%Y-%m-%d", &today);
    h.name = name;
    h.made = made;
    im.arena = arena_new();
    diags_init(&im.diags);
    rc = import(&im, &local, &h, today.tm_year + 1900 + YEARS_AHEAD, &e);
    struct cli lines = *cli;
    lines.json = false; /* standard output is for the result */
    say_diags(&lines, &im.diags);
    if (rc)
        rc = say_error(cli, &e);
    diags_dispose(&im.diags);
    arena_free(im.arena);
    free(im.entries);
    free(im.lines);
    free(name);
    local_close(&local);
    return rc;
}
