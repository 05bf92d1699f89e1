/* The command line: everything `paceline` does for a person, one table of commands (contract §4).
 *
 * It talks to the service over its Unix socket, and runs `check`, `preview` and `init` in process.
 * It does not link the loop: main.c hands `serve` in. Threads: one. */
#ifndef PACELINE_CLI_CLI_H
#define PACELINE_CLI_CLI_H

struct cli_hooks {
    /* Runs the service in the foreground and returns the exit code. */
    int (*serve)(const char *config_file);
    const char *version;
    const char *plugin_dir; /* NULL: `plugins/` beside the program */
};

/* The exit code of the contract. */
int cli_main(int argc, char **argv, const struct cli_hooks *hooks);

#endif
