/* Opening what a person named, without ever hanging on it: a fifo, a device or a directory is
 * refused by name. */
#ifndef PACELINE_CONF_FILE_H
#define PACELINE_CONF_FILE_H

#include "base/err.h"

#include <sys/stat.h>

/* A regular file, open for reading; ERR_IO, with the path in the text. The caller closes. */
int file_open(int *fd, struct stat *st, const char *path, struct err *e);

/* The text of an error of file_open or file_read, without the path in front. */
const char *file_reason(const struct err *e, const char *path);

/* `relative` seen from the folder `dir` (NULL or "": the current one). malloc'd. */
char *file_join(const char *dir, const char *relative);
/* The path of FOLDER/NAME.yaml in `dir` (NULL: none) or else beside the program, where what comes
 * with it lies. A name is a-z, 0-9 and '-', no path. NULL: there is none. malloc'd. */
char *file_shipped(const char *dir, const char *folder, const char *name);
/* The folder part of `path`, without the last slash; "" for none. malloc'd. */
char *file_dir(const char *path);

#endif
