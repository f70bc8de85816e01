// What libFuzzer offers to a program with a main of its own. Declared here because no header of the toolchain does.
#pragma once
#include <stddef.h>
#include <stdint.h>

/// Runs the fuzzer: reads its options and corpora from the arguments and calls `one_input` until it is told to stop.
int LLVMFuzzerRunDriver(int *argc, char ***argv, int (*one_input)(const uint8_t *bytes, size_t count));
