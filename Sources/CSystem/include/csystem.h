/* What Swift's Glibc module lacks; each declaration says why it is here. */
#ifndef HOOKLINE_CSYSTEM_H
#define HOOKLINE_CSYSTEM_H
#include <sys/epoll.h>   /* not in the Glibc module map */
#include <sys/eventfd.h> /* not in the Glibc module map */
#endif
