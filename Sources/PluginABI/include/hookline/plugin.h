#ifndef HL_PLUGIN_H
#define HL_PLUGIN_H
#include <stdint.h>
#endif
