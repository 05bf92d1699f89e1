/* What the commands share: the parsed command line, the streams, and how to speak to a person.
 *
 * A command is a row of the table in cli.c. It returns an exit code of the contract; what went
 * wrong has then been said on `err`. Results go to `out` (with --json: JSON Lines and nothing
 * else), messages and progress to `err`. */
#ifndef PACELINE_CLI_COMMAND_H
#define PACELINE_CLI_COMMAND_H

#include "base/diag.h"
#include "base/err.h"
#include "base/lang.h"
#include "cli/cli.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    EXIT_REFUSED = 1,
    EXIT_USAGE = 64,
    EXIT_DATA = 65,
    EXIT_UNREACHABLE = 69,
    EXIT_INTERNAL = 70,
    EXIT_DENIED = 77
};

enum option {
    OPT_CONFIG,
    OPT_JSON,
    OPT_HELP,
    OPT_RECIPIENT,
    OPT_ONLY,
    OPT_AGAIN,
    OPT_ALLOW_PARTIAL,
    OPT_WAIT,
    OPT_DIGEST,
    OPT_NOTE,
    OPT_REASON,
    OPT_STATE,
    OPT_SENDER,
    OPT_WATCH,
    OPT_KEEP_TASKS,
    OPT_MONTH,
    OPT_BY,
    OPT_CSV,
    OPT_DESKTOP,
    OPT_FROM,
    OPT_SEED,
    OPT_SVG,
    OPT_LIVE,
    OPT_NAME,
    OPT_MATCH,
    OPT_COVERS,
    OPT_WECOM,
    OPTIONS
};
#define OPT_BIT(o) (1U << (o))

struct cli {
    const struct cli_hooks *hooks;
    FILE *in, *out, *err;
    bool in_tty, out_tty, err_tty;
    bool color; /* of `out` */
    bool json;
    const struct command *command;
    const char *values[OPTIONS]; /* NULL: not given; "" for those without an argument */
    const char **args;           /* what is neither command nor option */
    size_t arg_count;
};

struct command {
    const char *name;     /* one or two words */
    const char *synopsis; /* its arguments and own options, for people */
    const char *summary;
    unsigned options; /* OPT_BIT of its own; config, json and help are everybody's */
    size_t args_min, args_max;
    int (*run)(struct cli *cli);
};

extern const struct command cli_commands[]; /* ends with a NULL name */
extern const char *const cli_later[];       /* known, not built yet; ends with NULL */

/* Runs one command line on the streams of `cli`; cli_main with the real ones. */
int cli_run(struct cli *cli, int argc, char **argv);

/* --- args.c --- */

/* Fills command, values, args and json. 0, or EXIT_USAGE after saying what to do. No command at
 * all: 0 with `command` NULL. */
int args_parse(struct cli *cli, int argc, char **argv);
void args_free(struct cli *cli);
void args_help(const struct command *command, FILE *to); /* of one command */
void args_overview(FILE *to);                            /* of all */
/* A wrong use of the running command: the message, how it is used; returns EXIT_USAGE. */
int args_wrong(const struct cli *cli, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Whether the first argument can be a delivery: 0, or EXIT_USAGE after saying so. */
int args_delivery(const struct cli *cli);

/* --- say.c --- */

/* One line on `err`, safe for a screen, with "paceline: " before it. */
void say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Says the error; the exit code of its class. */
int say_error(const struct cli *cli, const struct err *e);
/* The diagnostics, shown ones and the count of the rest: lines on `err`, or with --json as objects
 * on `out`. The exit code of the worst error. */
int say_diags(const struct cli *cli, const struct diags *diags);
void say_json(const struct cli *cli, json_t *object); /* one line on `out`; takes the reference */
/* Words from outside on a stream, made safe for a screen, on one line. */
void put_safe(FILE *to, const char *text);

/* --- the commands, by file --- */

int cmd_init(struct cli *cli);
int cmd_serve(struct cli *cli);
int cmd_check(struct cli *cli);
int cmd_config_check(struct cli *cli);
int cmd_preview(struct cli *cli);
int cmd_plan(struct cli *cli);
int cmd_submit(struct cli *cli);
int cmd_approve(struct cli *cli);
int cmd_reject(struct cli *cli);
int cmd_list(struct cli *cli);
int cmd_show(struct cli *cli);
int cmd_deliveries(struct cli *cli);
int cmd_pause(struct cli *cli);
int cmd_resume(struct cli *cli);
int cmd_cancel(struct cli *cli);
int cmd_tasks(struct cli *cli);
int cmd_remind(struct cli *cli);
int cmd_explain(struct cli *cli);
int cmd_outcome(struct cli *cli);
int cmd_resend(struct cli *cli);
int cmd_halt(struct cli *cli);
int cmd_unhalt(struct cli *cli);
int cmd_contacts_import(struct cli *cli);
int cmd_contacts_sync(struct cli *cli);
int cmd_contacts_list(struct cli *cli);
int cmd_calendar_import(struct cli *cli);
int cmd_suppress(struct cli *cli);
int cmd_unsuppress(struct cli *cli);
int cmd_prompt(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_backup(struct cli *cli);
int cmd_audit(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
int cmd_reload(struct cli *cli);
int cmd_report(struct cli *cli);
int cmd_version(struct cli *cli);
int cmd_help(struct cli *cli);

#endif
