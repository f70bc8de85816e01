#include "hookline/plugin.h"
