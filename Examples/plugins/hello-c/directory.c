/* Stands in for the directory of users that hello.c asks: lets in everybody whose password is "open sesame". */
#include <hookline/plugin.h>

int directory_allows(hl_view user, hl_view password);

int directory_allows(hl_view user, hl_view password) {
    return user.len > 0 && hl_view_equal(password, "open sesame");
}
