/* The command line as one table of options: each command names those it takes. Options may stand
 * anywhere; `--name VALUE` and `--name=VALUE` are the same; `--` ends them.
 *
 * Not argp: its messages cannot be translated by tr() and say only what is wrong, not what to do.
 */
#include "base/arena.h"
#include "base/strbuf.h"
#include "base/text.h"
#include "cli/command.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct option_row {
    const char *name;
    const char *argument; /* NULL: none */
    const char *help;
};

static const struct option_row option_rows[OPTIONS] = {
    [OPT_CONFIG] = {"config", "FILE", TR_TABLE("the service file")},
    [OPT_JSON] = {"json", NULL, TR_TABLE("JSON Lines on standard output")},
    [OPT_HELP] = {"help", NULL, TR_TABLE("this text")},
    [OPT_RECIPIENT] = {"recipient", "R", TR_TABLE("the message of this recipient")},
    [OPT_ONLY] = {"only", "R", TR_TABLE("a test send to this recipient, as its own revision")},
    [OPT_AGAIN] = {"again", NULL,
                   TR_TABLE("also to those whom an earlier revision has written to")},
    [OPT_ALLOW_PARTIAL] = {"allow-partial", NULL,
                           TR_TABLE("accept that not everybody is reached before the end")},
    [OPT_WAIT] = {"wait", NULL, TR_TABLE("stay until the campaign is done, rejected or canceled")},
    [OPT_DIGEST] = {"digest", "SHA256",
                    TR_TABLE("exactly this revision (default: the one that waits)")},
    [OPT_NOTE] = {"note", "TEXT", TR_TABLE("a note for the audit log")},
    [OPT_REASON] = {"reason", "TEXT", TR_TABLE("the reason, for the audit log")},
    [OPT_STATE] = {"state", "S", TR_TABLE("only deliveries in this state")},
    [OPT_SENDER] = {"sender", "S", TR_TABLE("only what this sender sends")},
    [OPT_WATCH] = {"watch", NULL, TR_TABLE("again every second, until Ctrl-C")},
    [OPT_KEEP_TASKS] = {"keep-tasks", NULL, TR_TABLE("leave open tasks and prompts as they are")},
    [OPT_MONTH] = {"month", "YYYY-MM", TR_TABLE("only this month (default: everything)")},
    [OPT_BY] = {"by", "GROUP", TR_TABLE("campaign (default), sender or tag")},
    [OPT_CSV] = {"csv", NULL, TR_TABLE("CSV for a spreadsheet on standard output")},
    [OPT_FROM] = {"from", "TIME", TR_TABLE("as if it were approved then (default: now)")},
    [OPT_SEED] = {"seed", "N",
                  TR_TABLE("other random gaps (default: the very ones of this revision)")},
    [OPT_NAME] = {"name", "NAME", TR_TABLE("how the calendar is called (default: as the file)")},
    [OPT_MATCH] = {"match", "KEY", TR_TABLE("rows are for customers with this unionid or remark")},
    [OPT_COVERS] = {"covers", "FROM..TO",
                    TR_TABLE("the days it covers (default: the years it has dates in)")},
    [OPT_WECOM] = {"wecom", NULL, TR_TABLE("for a WeCom app: its customers, groups and members")},
    [OPT_SVG] = {"svg", "OUT", TR_TABLE("a picture of the plan, a line for each sender")},
    [OPT_LIVE] = {"live", NULL,
                  TR_TABLE("beside what the service already carries; the service must run")},
    [OPT_DESKTOP] = {"desktop", NULL, TR_TABLE("as notifications of the desktop")},
};

static const unsigned common_options = OPT_BIT(OPT_CONFIG) | OPT_BIT(OPT_JSON) | OPT_BIT(OPT_HELP);

static int wrong(const struct cli *cli, const char *format, va_list args)
    __attribute__((format(printf, 2, 0)));
static int take_option(struct cli *cli, int argc, char **argv, int *i);
static int find_command(struct cli *cli);
static int check_use(const struct cli *cli);

int args_parse(struct cli *cli, int argc, char **argv)
{
    cli->args = xmalloc((size_t)(argc > 0 ? argc : 1) * sizeof(*cli->args));
    for (int i = 1; i < argc; i++) {
        if (argv[i][0] != '-' || argv[i][1] == '\0') {
            cli->args[cli->arg_count++] = argv[i];
            continue;
        }
        if (strcmp(argv[i], "--") == 0) {
            while (++i < argc)
                cli->args[cli->arg_count++] = argv[i];
            break;
        }
        int rc = take_option(cli, argc, argv, &i);
        if (rc)
            return rc;
    }
    cli->json = cli->values[OPT_JSON] != NULL;
    if (cli->arg_count == 0)
        return 0;
    int rc = find_command(cli);
    return rc ? rc : check_use(cli);
}

void args_free(struct cli *cli)
{
    free(cli->args);
    cli->args = NULL;
    cli->arg_count = 0;
}

static void help_line(FILE *to, const char *name, size_t width, const char *text)
{
    size_t columns = text_columns(name);

    fprintf(to, "  %s%*s  %s\n", name, (int)(columns < width ? width - columns : 0), "", text);
}

void args_help(const struct command *command, FILE *to)
{
    char name[64];

    fprintf(to, tr("Usage: paceline %s%s%s\n"), command->name, command->synopsis[0] ? " " : "",
            command->synopsis);
    fprintf(to, "\n%s\n\n%s\n", tr(command->summary), tr("Options:"));
    for (unsigned o = 0; o < OPTIONS; o++) {
        const struct option_row *row =
            &option_rows[(o + OPT_RECIPIENT) % OPTIONS]; /* own ones first */
        unsigned id = (o + OPT_RECIPIENT) % OPTIONS;
        if (!((command->options | common_options) & OPT_BIT(id)))
            continue;
        snprintf(name, sizeof(name), "--%s%s%s", row->name, row->argument ? " " : "",
                 row->argument ? row->argument : "");
        help_line(to, name, 18, tr(row->help));
    }
}

void args_overview(FILE *to)
{
    fputs(tr("Usage: paceline COMMAND [--config FILE] [--json] ...\n"), to);
    fputs(tr("\nPaceline sends approved campaigns through official channels, paced.\n\n"), to);
    for (const struct command *c = cli_commands; c->name; c++)
        help_line(to, c->name, 15, tr(c->summary));
    fputs(tr("\nMore about one of them: paceline COMMAND --help\n"), to);
    fputs(tr("Start here: paceline init\n"), to);
}

static bool is_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    return digits > 0 && digits < 19 && text[digits] == '\0';
}

int args_delivery(const struct cli *cli)
{
    if (!is_number(cli->args[0]))
        return args_wrong(cli, tr("'%s' is no delivery: it is a number, see 'paceline deliveries'"),
                          cli->args[0]);
    return 0;
}

int args_wrong(const struct cli *cli, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    int rc = wrong(cli, format, args);
    va_end(args);
    return rc;
}

static int wrong(const struct cli *cli, const char *format, va_list args)
{
    char text[1024];

    vsnprintf(text, sizeof(text), format, args);
    if (!cli->command) {
        say(cli, "%s", text);
        say(cli, tr("'paceline help' lists the commands"));
        return EXIT_USAGE;
    }
    say(cli, "%s: %s", cli->command->name, text);
    say(cli, tr("use it like this: paceline %s %s"), cli->command->name, cli->command->synopsis);
    return EXIT_USAGE;
}

static int find_option(const char *name, size_t length)
{
    for (int o = 0; o < OPTIONS; o++)
        if (strlen(option_rows[o].name) == length && memcmp(option_rows[o].name, name, length) == 0)
            return o;
    return -1;
}

static int unknown_option(const struct cli *cli, const char *given, size_t length)
{
    const char *names[OPTIONS + 1] = {NULL};
    char name[64];

    for (int o = 0; o < OPTIONS; o++)
        names[o] = option_rows[o].name;
    snprintf(name, sizeof(name), "%.*s", (int)(length < 60 ? length : 60), given);
    const char *near = text_nearest(name, names);
    if (near)
        return args_wrong(cli, tr("unknown option '--%s', did you mean '--%s'?"), name, near);
    return args_wrong(cli, tr("unknown option '--%s'"), name);
}

static int take_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *arg = argv[*i];

    if (strcmp(arg, "-h") == 0) {
        cli->values[OPT_HELP] = "";
        return 0;
    }
    if (arg[1] != '-')
        return args_wrong(cli, tr("unknown option '%s': options are written out, like --json"),
                          arg);
    const char *name = arg + 2;
    size_t length = strcspn(name, "=");
    int o = find_option(name, length);
    if (o < 0)
        return unknown_option(cli, name, length);
    const struct option_row *row = &option_rows[o];
    if (!row->argument && name[length])
        return args_wrong(cli, tr("--%s takes no value"), row->name);
    if (!row->argument)
        cli->values[o] = "";
    else if (name[length])
        cli->values[o] = name + length + 1;
    else if (*i + 1 < argc)
        cli->values[o] = argv[++*i];
    else
        return args_wrong(cli, tr("--%s needs a value: --%s %s"), row->name, row->name,
                          row->argument);
    return 0;
}

/* "audit verify" before "audit": two words are tried first. */
static const struct command *command_named(const char *first, const char *second)
{
    char name[128];

    if (second)
        snprintf(name, sizeof(name), "%s %s", first, second);
    else
        snprintf(name, sizeof(name), "%s", first);
    for (const struct command *c = cli_commands; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

/* Whether the line begins with this command, of one word or two. */
static bool is_command(const struct cli *cli, const char *name)
{
    size_t length = strlen(cli->args[0]);

    if (strncmp(name, cli->args[0], length) != 0)
        return false;
    return name[length] == '\0' ||
           (name[length] == ' ' && cli->arg_count > 1 && !strcmp(name + length + 1, cli->args[1]));
}

static int unknown_command(const struct cli *cli)
{
    const char *names[64] = {NULL};
    size_t count = 0;

    for (const char *const *later = cli_later; *later; later++)
        if (is_command(cli, *later))
            return args_wrong(cli, tr("'%s' is not supported yet"), *later);
    for (const struct command *c = cli_commands; c->name && count < 63; c++)
        names[count++] = c->name;
    for (const struct command *c = cli_commands; c->name; c++) { /* half of "config check" */
        size_t length = strlen(cli->args[0]);
        if (strncmp(c->name, cli->args[0], length) == 0 && c->name[length] == ' ')
            return args_wrong(cli, tr("unknown command '%s', did you mean '%s'?"), cli->args[0],
                              c->name);
    }
    const char *near = text_nearest(cli->args[0], names);
    if (near)
        return args_wrong(cli, tr("unknown command '%s', did you mean '%s'?"), cli->args[0], near);
    return args_wrong(cli, tr("unknown command '%s'"), cli->args[0]);
}

static int find_command(struct cli *cli)
{
    size_t words = 2;

    cli->command = cli->arg_count > 1 ? command_named(cli->args[0], cli->args[1]) : NULL;
    if (!cli->command) {
        words = 1;
        cli->command = command_named(cli->args[0], NULL);
    }
    if (!cli->command)
        return unknown_command(cli);
    cli->arg_count -= words;
    memmove(cli->args, cli->args + words, cli->arg_count * sizeof(*cli->args));
    return 0;
}

static int check_use(const struct cli *cli)
{
    const struct command *c = cli->command;

    if (cli->values[OPT_HELP])
        return 0;
    for (unsigned o = 0; o < OPTIONS; o++)
        if (cli->values[o] && !((c->options | common_options) & OPT_BIT(o)))
            return args_wrong(cli, tr("--%s does not belong to this command"), option_rows[o].name);
    if (cli->arg_count < c->args_min)
        return args_wrong(cli, tr("something is missing"));
    if (cli->arg_count > c->args_max)
        return args_wrong(cli, tr("'%s' is one word too many"), cli->args[c->args_max]);
    return 0;
}
