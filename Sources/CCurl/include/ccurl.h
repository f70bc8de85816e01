/* libcurl as Swift sees it. Two things Swift cannot do: call the variadic curl_easy_setopt, and name the options
 * (macros and enumerators of a header that is needed to build, not to run). The library is loaded when the first
 * request is made, so a broker that asks nobody over HTTP does not carry it and the libraries it needs. Nothing here
 * decides anything. */
#ifndef CCURL_H
#define CCURL_H

#include <stddef.h>

typedef size_t (*ccurl_sink)(char *bytes, size_t size, size_t count, void *user);

/* 0 when the library is there; any thread, any number of times. */
int ccurl_load(void);
/* A handle for one request at a time, by one thread at a time; NULL without memory. */
void *ccurl_new(void);
void ccurl_free(void *handle);
/* Back to the state of a new handle, connections kept. */
void ccurl_reset(void *handle);
int ccurl_set_url(void *handle, const char *url);
/* is_local: http, and past every proxy; else https from TLS 1.2 on, certificates are checked. No redirection. */
int ccurl_set_rules(void *handle, long timeout_ms, int is_local);
/* Not copied: valid until the request is done. */
int ccurl_set_body(void *handle, const char *body, long size);
int ccurl_set_sink(void *handle, ccurl_sink sink, void *user);
int ccurl_set_headers(void *handle, void *list);
int ccurl_set_authority(void *handle, const char *pem_file);
void *ccurl_append(void *list, const char *line);
void ccurl_free_list(void *list);
long ccurl_status(void *handle);
const char *ccurl_error(int code);

/* Many requests at once, by one thread; only ccurl_multi_wake is for the others. NULL without library or memory. */
void *ccurl_multi_new(void);
void ccurl_multi_free(void *multi);
/* How many idle connections are kept. */
int ccurl_multi_set_kept(void *multi, long count);
int ccurl_multi_add(void *multi, void *handle);
void ccurl_multi_remove(void *multi, void *handle);
/* Does what can be done without waiting. */
int ccurl_multi_run(void *multi);
/* Until something can be done, somebody wakes it or time is up. */
int ccurl_multi_wait(void *multi, int timeout_ms);
void ccurl_multi_wake(void *multi);
/* A request that has ended, with 0 or an error code; NULL when there is none. It is still to be removed. */
void *ccurl_multi_done(void *multi, int *code);

#endif
