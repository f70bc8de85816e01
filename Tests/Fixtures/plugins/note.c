/* A note that asks for another version than the description: the file is refused before any of its code runs. */
#include <hookline/plugin.h>
#include <stdlib.h>

HL_IN_NOTE_SECTION static const hl_note note = {
    9, (uint32_t)(sizeof(hl_note) - offsetof(hl_note, note_version)), HL_NOTE_TYPE, HL_NOTE_NAME, 1,
    HL_ABI_MAJOR, 6, HL_FREE, {0, 0, 0, 0}, "test.note", "1.0.0"};

__attribute__((constructor)) static void run(void) { abort(); }
