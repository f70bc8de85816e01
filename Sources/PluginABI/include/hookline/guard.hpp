/*
 * hookline/guard.hpp - C++17: no exception leaves a plugin. Nothing here is part of the binary interface.
 *
 *     static hl_verdict on_publish(void *state, hl_call *call, const hl_msg *msg) { ... may throw ... }
 *     hl_on_acl_publish(self, hookline::guarded<on_publish>);
 *     hookline::guarded<start, HL_FAILED>     for the functions of hl_life
 *
 * What is thrown is logged as exception.caught, and the call ends in HL_ERROR (or what else is named): the failure
 * verdict of the hook. An exception that leaves a plugin without it ends the process, with the plugin's blame.
 */
#ifndef HOOKLINE_GUARD_HPP
#define HOOKLINE_GUARD_HPP

#include "plugin.h"

#include <exception>
#include <type_traits>

namespace hookline {
namespace detail {

inline void tell(hl_self *self, const char *what) noexcept { hl_log(self, HL_LOG_ERROR, "exception.caught", what); }
inline void tell(hl_call *call, const char *what) noexcept { tell(call->self, what); }
template <typename Other> void tell(Other, const char *) noexcept {}

template <auto Function, auto Failure> struct guard;

template <typename Result, typename... Arguments, Result (*Function)(Arguments...), auto Failure>
struct guard<Function, Failure> {
    static Result call(Arguments... arguments) noexcept {
        try {
            return Function(arguments...);
        } catch (const std::exception &thrown) {
            (tell(arguments, thrown.what()), ...);
        } catch (...) {
            (tell(arguments, "something that is no std::exception"), ...);
        }
        if constexpr (!std::is_void_v<Result>) return static_cast<Result>(Failure);
    }
};

} // namespace detail

/* A function of the same type that lets nothing through. */
template <auto Function, auto Failure = HL_ERROR>
inline constexpr auto guarded = &detail::guard<Function, Failure>::call;

} // namespace hookline

#endif
