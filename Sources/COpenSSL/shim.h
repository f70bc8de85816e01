/* OpenSSL as Swift sees it: the headers, and as functions what OpenSSL offers as macros only (Swift imports no
 * function-like macro). Nothing here decides anything. */
#include <openssl/bio.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

static inline int copenssl_set_min_version(SSL_CTX *context, int version) {
    return (int)SSL_CTX_set_min_proto_version(context, version);
}

/* Options are 64-bit macros: no renegotiation, which lets a client make the server work for nothing and which TLS 1.3
 * has abolished; no compression (CRIME); the server's order of ciphers, but ChaCha20 for those who ask for it first. */
static inline void copenssl_set_server_options(SSL_CTX *context) {
    (void)SSL_CTX_set_options(
        context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION | SSL_OP_CIPHER_SERVER_PREFERENCE |
                     SSL_OP_PRIORITIZE_CHACHA);
}

static inline void copenssl_clear_retry(BIO *bio) {
    BIO_clear_retry_flags(bio);
}

static inline void copenssl_set_retry_read(BIO *bio) {
    BIO_set_retry_read(bio);
}

static inline void copenssl_set_mode(SSL_CTX *context, long mode) {
    (void)SSL_CTX_set_mode(context, mode);
}

static inline void copenssl_disable_session_cache(SSL_CTX *context) {
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
}

static inline int copenssl_set_groups(SSL_CTX *context, const char *list) {
    return (int)SSL_CTX_set1_groups_list(context, list);
}

static inline void copenssl_set_server_name_callback(
    SSL_CTX *context, int (*callback)(SSL *, int *, void *), void *argument) {
    (void)SSL_CTX_set_tlsext_servername_callback(context, callback);
    (void)SSL_CTX_set_tlsext_servername_arg(context, argument);
}

/* The libraries of error codes are packed into one number; reason_error_string wants it back. */
static inline unsigned long copenssl_tls_error(int reason) {
    return ERR_PACK(ERR_LIB_SSL, 0, reason);
}

static inline int copenssl_error_reason(unsigned long error) {
    return ERR_GET_REASON(error);
}

static inline int copenssl_error_library(unsigned long error) {
    return ERR_GET_LIB(error);
}

/* Entry `index` of the subject alternative names: its GEN_* type with its text in `bytes` and `length` (borrowed from
 * `names`), -1 behind the last one, -2 for one that is not text. sk_GENERAL_NAME_* are macros. */
static inline int copenssl_alternative_name(
    const GENERAL_NAMES *names, int index, const unsigned char **bytes, int *length) {
    int type = 0;
    const GENERAL_NAME *name;
    ASN1_STRING *text;
    if (index >= sk_GENERAL_NAME_num(names)) return -1;
    name = sk_GENERAL_NAME_value(names, index);
    text = GENERAL_NAME_get0_value(name, &type);
    if (type != GEN_DNS && type != GEN_URI && type != GEN_EMAIL) return -2;
    *bytes = ASN1_STRING_get0_data(text);
    *length = ASN1_STRING_length(text);
    return type;
}

/* RFC 4514 as most tools print it, but with letters beyond ASCII left as UTF-8. */
static inline int copenssl_print_name(BIO *out, const X509_NAME *name) {
    return X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB) >= 0;
}

/* What a memory BIO holds: borrowed from it. */
static inline long copenssl_memory(BIO *bio, unsigned char **bytes) {
    return BIO_get_mem_data(bio, (char **)bytes);
}
