/* The heap against a plain array searched from end to end. */
#include "check.h"

#include "base/heap.h"

#include <stdio.h>
#include <stdlib.h>

enum { NODES = 64, STEPS = 200000 };

static uint64_t random_state;

static uint64_t random_next(void)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return random_state;
}

static struct heap_node *first_of(struct heap_node *nodes)
{
    struct heap_node *first = NULL;

    for (size_t i = 0; i < NODES; i++) {
        struct heap_node *n = &nodes[i];
        if (n->index &&
            (!first || n->at < first->at || (n->at == first->at && n->seq < first->seq)))
            first = n;
    }
    return first;
}

static void the_first_is_the_earliest_put_first(void **state)
{
    struct heap_node nodes[NODES] = {0}, *memory[NODES];
    struct heap h;
    const char *given = getenv("SEED");
    uint64_t seed = given ? strtoull(given, NULL, 0) : 1;

    (void)state;
    random_state = seed * 2 + 1;
    heap_init(&h, memory, NODES);
    assert_null(heap_first(&h));
    for (int step = 0; step < STEPS; step++) {
        struct heap_node *n = &nodes[random_next() % NODES];
        switch (random_next() % 3) {
        case 0:
            heap_remove(&h, n); /* fine when not inside */
            assert_int_equal(n->index, 0);
            break;
        case 1:
            if (n->index == 0)
                n->seq = (uint64_t)step;
            n->at = (int64_t)(random_next() % 40); /* many are equal */
            heap_put(&h, n);
            break;
        default:
            if (heap_first(&h))
                heap_remove(&h, heap_first(&h));
        }
        if (heap_first(&h) != first_of(nodes))
            fail_msg("SEED=%llu step %d: not the first", (unsigned long long)seed, step);
    }
}

static void equal_instants_come_in_order_of_seq(void **state)
{
    struct heap_node nodes[20] = {0}, *memory[20];
    struct heap h;

    (void)state;
    heap_init(&h, memory, 20);
    for (uint64_t i = 0; i < 20; i++) {
        nodes[i].at = 5;
        nodes[i].seq = i * 7 % 20;
        heap_put(&h, &nodes[i]);
    }
    for (uint64_t i = 0; i < 20; i++) {
        assert_int_equal(heap_first(&h)->seq, i);
        heap_remove(&h, heap_first(&h));
    }
    assert_null(heap_first(&h));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_is_the_earliest_put_first),
        cmocka_unit_test(equal_instants_come_in_order_of_seq),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
