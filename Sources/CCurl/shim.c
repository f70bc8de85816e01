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
    CURLcode (*easy_getinfo)(CURL *, CURLINFO, ...);
    const char *(*easy_strerror)(CURLcode);
    struct curl_slist *(*slist_append)(struct curl_slist *, const char *);
    void (*slist_free_all)(struct curl_slist *);
    CURLM *(*multi_init)(void);
    CURLMcode (*multi_cleanup)(CURLM *);
    CURLMcode (*multi_setopt)(CURLM *, CURLMoption, ...);
    CURLMcode (*multi_add_handle)(CURLM *, CURL *);
    CURLMcode (*multi_remove_handle)(CURLM *, CURL *);
    CURLMcode (*multi_perform)(CURLM *, int *);
    CURLMcode (*multi_poll)(CURLM *, struct curl_waitfd *, unsigned int, int, int *);
    CURLMcode (*multi_wakeup)(CURLM *);
    CURLMsg *(*multi_info_read)(CURLM *, int *);
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
        && find(library, "curl_easy_getinfo", &api.easy_getinfo)
        && find(library, "curl_easy_strerror", &api.easy_strerror)
        && find(library, "curl_slist_append", &api.slist_append)
        && find(library, "curl_slist_free_all", &api.slist_free_all)
        && find(library, "curl_multi_init", &api.multi_init)
        && find(library, "curl_multi_cleanup", &api.multi_cleanup)
        && find(library, "curl_multi_setopt", &api.multi_setopt)
        && find(library, "curl_multi_add_handle", &api.multi_add_handle)
        && find(library, "curl_multi_remove_handle", &api.multi_remove_handle)
        && find(library, "curl_multi_perform", &api.multi_perform)
        && find(library, "curl_multi_poll", &api.multi_poll)
        && find(library, "curl_multi_wakeup", &api.multi_wakeup)
        && find(library, "curl_multi_info_read", &api.multi_info_read))
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

int ccurl_set_rules(void *handle, long timeout_ms, int is_local) {
    CURLcode code = api.easy_setopt(handle, CURLOPT_PROTOCOLS_STR, is_local ? "http" : "https");
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_TIMEOUT_MS, timeout_ms);
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (code == CURLE_OK) code = api.easy_setopt(handle, CURLOPT_TCP_KEEPALIVE, 1L);
    if (code == CURLE_OK && is_local) code = api.easy_setopt(handle, CURLOPT_NOPROXY, "*");
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

long ccurl_status(void *handle) {
    long status = 0;
    return api.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK ? status : 0;
}

const char *ccurl_error(int code) { return api.easy_strerror((CURLcode)code); }

void *ccurl_multi_new(void) { return ccurl_load() == 0 ? api.multi_init() : NULL; }
void ccurl_multi_free(void *multi) { api.multi_cleanup(multi); }
int ccurl_multi_set_kept(void *multi, long count) { return api.multi_setopt(multi, CURLMOPT_MAXCONNECTS, count); }
int ccurl_multi_add(void *multi, void *handle) { return api.multi_add_handle(multi, handle); }
void ccurl_multi_remove(void *multi, void *handle) { api.multi_remove_handle(multi, handle); }
void ccurl_multi_wake(void *multi) { api.multi_wakeup(multi); }

int ccurl_multi_run(void *multi) {
    int running = 0;
    return api.multi_perform(multi, &running);
}

int ccurl_multi_wait(void *multi, int timeout_ms) { return api.multi_poll(multi, NULL, 0, timeout_ms, NULL); }

void *ccurl_multi_done(void *multi, int *code) {
    int left = 0;
    CURLMsg *message;
    while ((message = api.multi_info_read(multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) continue;
        *code = message->data.result;
        return message->easy_handle;
    }
    return NULL;
}
