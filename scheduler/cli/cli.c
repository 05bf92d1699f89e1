/* The table of commands, and the way from a command line to one of them. */
#include "cli/cli.h"

#include "cli/command.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NO_LIMIT SIZE_MAX

const struct command cli_commands[] = {
    {"init", "[DIR] [--wecom]", TR_TABLE("a service file, a secret file, a first campaign"),
     OPT_BIT(OPT_WECOM), 0, 1, cmd_init},
    {"serve", "", TR_TABLE("runs the service, in the foreground"), 0, 0, 0, cmd_serve},
    {"check", "FILE...", TR_TABLE("whether campaign files are right; needs no service"), 0, 1,
     NO_LIMIT, cmd_check},
    {"preview", "FILE [--recipient R]",
     TR_TABLE("the message as it will be read; needs no service"), OPT_BIT(OPT_RECIPIENT), 1, 1,
     cmd_preview},
    {"plan", "FILE [--from TIME] [--seed N] [--svg OUT] [--live]",
     TR_TABLE("who would go when, and whether everybody is reached; needs no service"),
     OPT_BIT(OPT_FROM) | OPT_BIT(OPT_SEED) | OPT_BIT(OPT_SVG) | OPT_BIT(OPT_LIVE), 1, 1, cmd_plan},
    {"submit", "FILE [--only R] [--again] [--allow-partial] [--wait]",
     TR_TABLE("freezes a revision of a campaign and asks for approval"),
     OPT_BIT(OPT_ONLY) | OPT_BIT(OPT_AGAIN) | OPT_BIT(OPT_ALLOW_PARTIAL) | OPT_BIT(OPT_WAIT), 1, 1,
     cmd_submit},
    {"approve", "CAMPAIGN [--digest SHA256] [--note TEXT] [--wait]",
     TR_TABLE("lets a submitted revision go out"),
     OPT_BIT(OPT_DIGEST) | OPT_BIT(OPT_NOTE) | OPT_BIT(OPT_WAIT), 1, 1, cmd_approve},
    {"reject", "CAMPAIGN --reason TEXT", TR_TABLE("turns a submitted revision down"),
     OPT_BIT(OPT_REASON), 1, 1, cmd_reject},
    {"list", "", TR_TABLE("all campaigns"), 0, 0, 0, cmd_list},
    {"show", "CAMPAIGN", TR_TABLE("one campaign: state, counts, who approved"), 0, 1, 1, cmd_show},
    {"deliveries", "CAMPAIGN [--state S]",
     TR_TABLE("every recipient of a campaign and what became of it"), OPT_BIT(OPT_STATE), 1, 1,
     cmd_deliveries},
    {"explain", "DELIVERY",
     TR_TABLE("why a delivery waits, was left out, or went when it did: gate by gate"), 0, 1, 1,
     cmd_explain},
    {"pause", "CAMPAIGN [--keep-tasks]",
     TR_TABLE("no new sends of a campaign, until it is resumed"), OPT_BIT(OPT_KEEP_TASKS), 1, 1,
     cmd_pause},
    {"resume", "CAMPAIGN", TR_TABLE("lets a paused campaign go on"), 0, 1, 1, cmd_resume},
    {"cancel", "CAMPAIGN [--keep-tasks]", TR_TABLE("ends a campaign: what has not gone stays here"),
     OPT_BIT(OPT_KEEP_TASKS), 1, 1, cmd_cancel},
    {"halt", "[--reason TEXT]",
     TR_TABLE("stops every new send at once, even with the service down"), OPT_BIT(OPT_REASON), 0,
     0, cmd_halt},
    {"unhalt", "--reason TEXT", TR_TABLE("lifts the halt"), OPT_BIT(OPT_REASON), 0, 0, cmd_unhalt},
    {"outcome", "DELIVERY sent|not-sent --note TEXT",
     TR_TABLE("settles a delivery whose outcome is unknown"), OPT_BIT(OPT_NOTE), 2, 2, cmd_outcome},
    {"resend", "DELIVERY --note TEXT",
     TR_TABLE("repeats a delivery that is known not to have gone"), OPT_BIT(OPT_NOTE), 1, 1,
     cmd_resend},
    {"prompt", "[--desktop]", TR_TABLE("the messages that wait to be sent by hand, and answers"),
     OPT_BIT(OPT_DESKTOP), 0, 0, cmd_prompt},
    {"tasks", "[--sender S]", TR_TABLE("what waits for people to send or confirm"),
     OPT_BIT(OPT_SENDER), 0, 0, cmd_tasks},
    {"remind", "TASK", TR_TABLE("asks the person of a task again"), 0, 1, 1, cmd_remind},
    {"contacts import", "FILE [--match unionid|remark]",
     TR_TABLE("puts the rows of a CSV into the contact book"), OPT_BIT(OPT_MATCH), 1, 1,
     cmd_contacts_import},
    {"contacts list", "", TR_TABLE("the contact book"), 0, 0, 0, cmd_contacts_list},
    {"contacts sync", "ACCOUNT",
     TR_TABLE("reads an account's customers, tags and groups from the platform"), 0, 1, 1,
     cmd_contacts_sync},
    {"calendar import", "FILE.ics [--name NAME] [--covers FROM..TO]",
     TR_TABLE("makes a calendar of the holidays in an .ics file"),
     OPT_BIT(OPT_NAME) | OPT_BIT(OPT_COVERS), 1, 1, cmd_calendar_import},
    {"suppress", "RECIPIENT [--sender S] --reason TEXT",
     TR_TABLE("never writes to a recipient, from now on"),
     OPT_BIT(OPT_SENDER) | OPT_BIT(OPT_REASON), 1, 1, cmd_suppress},
    {"unsuppress", "RECIPIENT [--sender S] --reason TEXT",
     TR_TABLE("lets later campaigns write to a recipient again"),
     OPT_BIT(OPT_SENDER) | OPT_BIT(OPT_REASON), 1, 1, cmd_unsuppress},
    {"status", "[--watch]", TR_TABLE("lanes, next sends, use of limits, health"),
     OPT_BIT(OPT_WATCH), 0, 0, cmd_status},
    {"report", "[--month YYYY-MM] [--by campaign|sender|tag] [--csv]",
     TR_TABLE("reach, confirmations and their delay, failures by reason"),
     OPT_BIT(OPT_MONTH) | OPT_BIT(OPT_BY) | OPT_BIT(OPT_CSV), 0, 0, cmd_report},
    {"backup", "FILE", TR_TABLE("a copy of the store, made by the running service"), 0, 1, 1,
     cmd_backup},
    {"audit", "[CAMPAIGN]", TR_TABLE("the log of decisions"), 0, 0, 1, cmd_audit},
    {"audit verify", "", TR_TABLE("whether the log of decisions is whole"), 0, 0, 0,
     cmd_audit_verify},
    {"config check", "", TR_TABLE("whether the service file, plugins and secrets are right"), 0, 0,
     0, cmd_config_check},
    {"reload", "", TR_TABLE("the service reads its file again; a bad one changes nothing"), 0, 0, 0,
     cmd_reload},
    {"version", "", TR_TABLE("the version"), 0, 0, 0, cmd_version},
    {"help", "[COMMAND]", TR_TABLE("this list, or how a command is used"), 0, 0, 2, cmd_help},
    {NULL, NULL, NULL, 0, 0, 0, NULL},
};

const char *const cli_later[] = {"completion", NULL};

static bool colors_wanted(void)
{
    const char *no_color = getenv("NO_COLOR");
    const char *term = getenv("TERM");

    return !(no_color && no_color[0]) && term && strcmp(term, "dumb") != 0;
}

int cli_main(int argc, char **argv, const struct cli_hooks *hooks)
{
    struct cli cli = {
        .hooks = hooks,
        .in = stdin,
        .out = stdout,
        .err = stderr,
        .in_tty = isatty(STDIN_FILENO) == 1,
        .out_tty = isatty(STDOUT_FILENO) == 1,
        .err_tty = isatty(STDERR_FILENO) == 1,
    };

    cli.color = cli.out_tty && colors_wanted();
    lang_set(lang_of_environment());
    int rc = cli_run(&cli, argc, argv);
    /* a full disk or a closed pipe under our output is not success */
    if (fflush(stdout) != 0 && rc == 0) {
        say(&cli, tr("standard output cannot be written"));
        rc = EXIT_DATA;
    }
    return rc;
}

int cli_run(struct cli *cli, int argc, char **argv)
{
    int rc = args_parse(cli, argc, argv);

    if (rc == 0 && !cli->command) {
        bool asked = cli->values[OPT_HELP] != NULL;
        args_overview(asked ? cli->out : cli->err);
        rc = asked ? 0 : EXIT_USAGE;
    } else if (rc == 0 && cli->values[OPT_HELP]) {
        args_help(cli->command, cli->out);
    } else if (rc == 0) {
        rc = cli->command->run(cli);
    }
    args_free(cli);
    return rc;
}

int cmd_version(struct cli *cli)
{
    if (cli->json)
        say_json(cli, json_pack("{s:s}", "version", cli->hooks->version));
    else
        fprintf(cli->out, "paceline %s\n", cli->hooks->version);
    return 0;
}

int cmd_help(struct cli *cli)
{
    if (cli->arg_count == 0) {
        args_overview(cli->out);
        return 0;
    }
    char *argv[] = {(char *)"paceline", (char *)cli->args[0],
                    (char *)(cli->arg_count > 1 ? cli->args[1] : "--help"), (char *)"--help"};
    struct cli other = {.hooks = cli->hooks, .in = cli->in, .out = cli->out, .err = cli->err};
    return cli_run(&other, 4, argv);
}
