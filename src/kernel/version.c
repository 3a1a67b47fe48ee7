// SPDX-License-Identifier: MIT
// Which library this is, for those who load it at run time. Cannot fail.
#include <salestide/arrow.h>

int32_t salestide_abi(void) {
    return SALESTIDE_ABI;
}

const char *salestide_version(void) {
    return SALESTIDE_VERSION;
}
