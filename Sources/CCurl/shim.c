#include "ccurl.h"

#include <curl/curl.h>
#include <dlfcn.h>
#include <pthread.h>

static struct {
    CURLcode (*global_init)(long);
    CURL *(*easy_init)(void);
    void (*easy_cleanup)(CURL *);
    void (*easy_reset)(CURL *);
    CURLcode (*easy_setopt)(CURL *, CURLoption, ...);
    CURLcode (*easy_perform)(CURL *);
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    int loaded;
} api;

static pthread_once_t once = PTHREAD_ONCE_INIT;

static int find(void *library, const char *name, void *target) {
    /* POSIX lets a function pointer be taken from dlsym this way only. */
    *(void **)target = dlsym(library, name);
    return *(void **)target != NULL;
}

static void load(void) {
    void *library = dlopen("libcurl.so.4", RTLD_NOW | RTLD_LOCAL);
    if (!library) return;
    if (find(library, "curl_global_init", &api.global_init) && find(library, "curl_easy_init", &api.easy_init)
        && find(library, "curl_easy_cleanup", &api.easy_cleanup) && find(library, "curl_easy_reset", &api.easy_reset)
        && find(library, "curl_easy_setopt", &api.easy_setopt)
        && find(library, "curl_easy_perform", &api.easy_perform)
        && find(library, "curl_easy_getinfo", &api.easy_getinfo)
        && find(library, "curl_easy_strerror", &api.easy_strerror)
        && find(library, "curl_slist_append", &api.slist_append)
        && find(library, "curl_slist_free_all", &api.slist_free_all))
        api.loaded = api.global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
}

int ccurl_load(void) {
    pthread_once(&once, load);
    return api.loaded ? 0 : -1;
}

void *ccurl_new(void) { return ccurl_load() == 0 ? api.easy_init() : NULL; }
void ccurl_free(void *handle) { api.easy_cleanup(handle); }
void ccurl_reset(void *handle) { api.easy_reset(handle); }
int ccurl_set_url(void *handle, const char *url) { return api.easy_setopt(handle, CURLOPT_URL, url); }

int ccurl_set_rules(void *handle, long timeout_ms) {
    CURLcode code = api.easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout_ms);
    return code;
}

int ccurl_set_body(void *handle, const char *body, long size) {
    CURLcode code = api.easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    return code == CURLE_OK ? api.easy_setopt(handle, CURLOPT_POSTFIELDSIZE, size) : code;
}

int ccurl_set_sink(void *handle, ccurl_sink sink, void *user) {
    CURLcode code = api.easy_setopt(handle, CURLOPT_WRITEFUNCTION, sink);
    return code == CURLE_OK ? api.easy_setopt(handle, CURLOPT_WRITEDATA, user) : code;
}

int ccurl_set_headers(void *handle, void *list) { return api.easy_setopt(handle, CURLOPT_HTTPHEADER, list); }
int ccurl_set_authority(void *handle, const char *file) { return api.easy_setopt(handle, CURLOPT_CAINFO, file); }
void *ccurl_append(void *list, const char *line) { return api.slist_append(list, line); }
void ccurl_free_list(void *list) { api.slist_free_all(list); }
int ccurl_perform(void *handle) { return api.easy_perform(handle); }

long ccurl_status(void *handle) {
    long status = 0;
    return api.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

const char *ccurl_error(int code) { return api.easy_strerror((CURLcode)code); }
