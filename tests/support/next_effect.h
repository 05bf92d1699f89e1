/* For tests that take the engine's effects one by one. */
#ifndef PACELINE_TESTS_NEXT_EFFECT_H
#define PACELINE_TESTS_NEXT_EFFECT_H

#include "engine/engine.h"

/* The next effect of this kind; those before it are dropped. False: there is none. */
static inline bool next_effect(struct engine *e, enum effect_kind kind, struct effect *f)
{
    while (engine_effect(e, f)) {
        if (f->kind == kind)
            return true;
    }
    return false;
}

#endif
