/* Where the program is: what it comes with lies beside it. */
#ifndef PACELINE_BASE_PROGRAM_H
#define PACELINE_BASE_PROGRAM_H

#include "base/err.h"

/* The path of `name` in the folder of the running program; malloc'd. ERR_IO. */
int program_beside(char **out, const char *name, struct err *e);

#endif
