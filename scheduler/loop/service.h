/* The service: `paceline serve`. */
#ifndef PACELINE_LOOP_SERVICE_H
#define PACELINE_LOOP_SERVICE_H

/* Runs in the foreground until SIGTERM or SIGINT; prints `ready` on standard error once it listens.
 * `plugin_dir` NULL: beside the binary. Returns the exit code of the contract §4. */
int service_run(const char *config_file, const char *plugin_dir);

#endif
