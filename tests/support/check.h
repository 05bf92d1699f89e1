/* cmocka with what it needs before it, in the order it needs it. */
#ifndef PACELINE_TESTS_CHECK_H
#define PACELINE_TESTS_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
