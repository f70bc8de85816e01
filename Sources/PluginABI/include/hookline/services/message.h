/*
 * hookline/services/message.h - message/1: messages and clients that outlive the call they came with.
 *
 * What a hook is given is gone when it returns. A plugin that needs it later keeps a copy, which is the host's, and
 * lets go of it when it is done:
 *
 *   static hl_verdict see(void *state, hl_call *call, const hl_msg *msg) {
 *       const hl_msg *kept = call->self->message->retain(call->self, msg);
 *       if (kept && hl_submit(call->self, look_at, (void *)(uintptr_t)kept) != HL_OK)
 *           call->self->message->release(call->self, kept);
 *       return HL_ABSTAIN;
 *   }
 *
 *   static void look_at(void *state, void *user) {
 *       const hl_msg *kept = (const hl_msg *)user;
 *       ...
 *       ((detective *)state)->self->message->release(((detective *)state)->self, kept);
 *   }
 */
#ifndef HOOKLINE_SERVICES_MESSAGE_H
#define HOOKLINE_SERVICES_MESSAGE_H

#include "../message.h"
#include "../types.h"

#ifdef __cplusplus
extern "C" {
#endif

/* message/1 [any]. At most 65,536 things and 64 MiB are kept for one instance: NULL beyond, and said in the log.
 * Whatever is not let go of is freed after destroy. What is kept is read-only, for any number of threads at once. */
typedef struct hl_message_v1 {
    uint32_t struct_size;
    uint32_t flags;
    /* A copy of msg with all that it points to, for this instance; or, of one that it keeps already, the same again,
     * to be released once more. Owner: host; valid until it was released as often as it was retained. NULL: no room. */
    const hl_msg *(*retain)(hl_self *self, const hl_msg *msg);
    /* HL_NOT_FOUND: not one that this instance keeps; nothing is done. */
    hl_status (*release)(hl_self *self, const hl_msg *msg);
    /* The same for a client. It is what the client was then: client/1 knows what it is now. */
    const hl_client *(*retain_client)(hl_self *self, const hl_client *client);
    hl_status (*release_client)(hl_self *self, const hl_client *client);
    /* Things and bytes this instance keeps. */
    uint64_t (*count)(hl_self *self);
    uint64_t (*bytes)(hl_self *self);
} hl_message_v1;

#ifdef __cplusplus
}
#endif

#endif
