#include "console/clipboard.h"

#include "base/arena.h"
#include "base/strbuf.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct helper {
    const char *display; /* the variable that must be set */
    const char *args[5];
};

static const struct helper helpers[] = {
    {"WAYLAND_DISPLAY", {"wl-copy", NULL}},
    {"DISPLAY", {"xclip", "-selection", "clipboard", "-in", NULL}},
    {"DISPLAY", {"xsel", "--clipboard", "--input", NULL}},
};

struct copy { /* freed when the process has ended and both handles are closed */
    uv_process_t process;
    uv_pipe_t pipe;
    uv_write_t write;
    char *text;
    int open;
};

static bool in_path(const char *program)
{
    const char *path = getenv("PATH");
    struct strbuf name = STRBUF_INIT;
    bool found = false;

    while (path && *path && !found) {
        size_t length = strcspn(path, ":");
        strbuf_reset(&name);
        strbuf_add(&name, path, length);
        strbuf_printf(&name, "/%s", program);
        found = length > 0 && access(name.text, X_OK) == 0;
        path += length + (path[length] == ':');
    }
    strbuf_dispose(&name);
    return found;
}

static const struct helper *find(void)
{
    for (size_t i = 0; i < sizeof(helpers) / sizeof(helpers[0]); i++) {
        const char *display = getenv(helpers[i].display);
        if (display && display[0] && in_path(helpers[i].args[0]))
            return &helpers[i];
    }
    return NULL;
}

bool clipboard_there(void)
{
    return find() != NULL;
}

static void on_closed(uv_handle_t *handle)
{
    struct copy *c = handle->data;

    if (--c->open > 0)
        return;
    free(c->text);
    free(c);
}

static void on_exit_of_helper(uv_process_t *process, int64_t status, int signal)
{
    (void)status;
    (void)signal;
    uv_close((uv_handle_t *)process, on_closed);
}

static void on_written(uv_write_t *write, int status)
{
    struct copy *c = write->data;

    (void)status;
    uv_close((uv_handle_t *)&c->pipe, on_closed);
}

bool clipboard_copy(uv_loop_t *loop, const char *text)
{
    const struct helper *h = find();

    if (!h)
        return false;
    struct copy *c = xmalloc(sizeof(*c));
    uv_stdio_container_t stdio[] = {
        {.flags = UV_CREATE_PIPE | UV_READABLE_PIPE, .data.stream = (uv_stream_t *)&c->pipe},
        {.flags = UV_IGNORE},
        {.flags = UV_IGNORE}, /* the helper stays in the background and would hold it open */
    };
    uv_process_options_t options = {
        .exit_cb = on_exit_of_helper,
        .file = h->args[0],
        .args = (char **)(uintptr_t)h->args,
        .stdio = stdio,
        .stdio_count = 3,
    };
    uv_pipe_init(loop, &c->pipe, 0);
    c->pipe.data = c->process.data = c->write.data = c;
    c->text = xstrdup(text);
    c->open = 2;
    if (uv_spawn(loop, &c->process, &options) != 0) {
        uv_close((uv_handle_t *)&c->process, on_closed);
        uv_close((uv_handle_t *)&c->pipe, on_closed);
        return false;
    }
    uv_unref((uv_handle_t *)&c->process); /* it may outlive us */
    uv_buf_t buf = uv_buf_init(c->text, (unsigned)strlen(c->text));
    if (uv_write(&c->write, (uv_stream_t *)&c->pipe, &buf, 1, on_written) != 0)
        uv_close((uv_handle_t *)&c->pipe, on_closed);
    return true;
}
