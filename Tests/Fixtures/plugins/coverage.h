/* What the plugin `everything` has used of the interface: how often each hook called it, and which functions of the
 * host's tables it has called. It says so in one log line, as fields; the test holds them against registry.json. */
#ifndef COVERAGE_H
#define COVERAGE_H

#include <hookline/plugin.h>

#define COVERED_FUNCTIONS 1024u

/* Calls a function of a table by its name: USE(self->kv, kv, get)(self, ...). */
#define USE(table, service, function) (covered_function(#service "/1." #function), (table)->function)
/* The same for tables that hl_self has a field for, by the name of the service. */
#define CALL(self, service, function) USE((self)->service, service, function)

static uint32_t covered_hooks[HL_HOOK_ID_LIMIT];
/* Open addressing by the place of the name; a name is set once. Hooks come from all event loops at once. */
static const char *covered_functions[COVERED_FUNCTIONS];

static void covered_hook(hl_self *self, uint32_t hook) {
    if (__sync_fetch_and_add(&covered_hooks[hook % HL_HOOK_ID_LIMIT], 1u) != 0) return;
    hl_logf(self, HL_LOG_INFO, "test.first", "%.*s", HL_S(self->abi->hook_name(self, hook)));
}

static void covered_function(const char *name) {
    uint32_t slot = (uint32_t)((uintptr_t)name / 8) % COVERED_FUNCTIONS, tried;
    for (tried = 0; tried < COVERED_FUNCTIONS; tried++, slot = (slot + 1) % COVERED_FUNCTIONS) {
        const char *there = __sync_val_compare_and_swap(&covered_functions[slot], (const char *)0, name);
        if (!there || there == name) return;
    }
}

/* One line: each hook with the number of its calls, each function once or more (the test makes a set of them). */
static void report_coverage(hl_self *self) {
    static hl_field fields[HL_HOOK_ID_LIMIT + COVERED_FUNCTIONS];
    static char numbers[HL_HOOK_ID_LIMIT][12];
    uint32_t index, count = 0;
    for (index = 1; index < HL_HOOK_ID_LIMIT; index++) {
        hl_view name = self->abi->hook_name(self, index);
        if (!name.len) continue;
        snprintf(numbers[index], sizeof numbers[index], "%u", __sync_fetch_and_add(&covered_hooks[index], 0u));
        fields[count].key = name;
        fields[count++].value = hl_str(numbers[index]);
    }
    for (index = 0; index < COVERED_FUNCTIONS; index++) {
        const char *name = __sync_val_compare_and_swap(&covered_functions[index], (const char *)0, (const char *)0);
        if (!name) continue;
        fields[count].key = hl_str("function");
        fields[count++].value = hl_str(name);
    }
    self->log->write(self, HL_LOG_INFO, hl_str("test.covered"), hl_str(""), fields, count);
}

#endif
