// SPDX-License-Identifier: MIT
// What an error of MySQL, MariaDB or libmariadb means: for the caller a kind (enum mysql_fault),
// for people one line with what was being done, where, what the server said, and what to do.
#include "store/mysql/mysql_connection.h"

#include <errmsg.h>
#include <mysqld_error.h>

// Errors of MySQL's that libmariadb has no names for.
enum {
    STATEMENT_TIMED_OUT = 3024,
    OFFLINE_MODE = 3032,
    LOST_AGAINST_MEMBER = 3101, // another member of the group has been quicker
    SECURE_TRANSPORT_REQUIRED = 3159,
    IDLE_TOO_LONG = 4031,
};

enum mysql_fault mysql_fault_of(unsigned error_number) {
    switch (error_number) {
    case CR_SERVER_GONE_ERROR:
    case CR_SERVER_LOST:
    case CR_SERVER_LOST_EXTENDED:
    case CR_CONNECTION_ERROR:
    case CR_CONN_HOST_ERROR:
    case CR_UNKNOWN_HOST:
    case CR_SERVER_HANDSHAKE_ERR:
    case CR_MALFORMED_PACKET:
    case CR_COMMANDS_OUT_OF_SYNC:
    case CR_UNKNOWN_ERROR:
    case ER_CONNECTION_KILLED:
    case ER_SERVER_SHUTDOWN:
    case ER_NORMAL_SHUTDOWN:
    case ER_SHUTDOWN_COMPLETE:
    case ER_NET_READ_ERROR:
    case ER_NET_READ_INTERRUPTED:
    case ER_NET_ERROR_ON_WRITE:
    case ER_NET_WRITE_INTERRUPTED:
    case IDLE_TOO_LONG:
        return MYSQL_FAULT_LOST;
    case ER_LOCK_DEADLOCK:
    case ER_LOCK_WAIT_TIMEOUT:
    case LOST_AGAINST_MEMBER:
    case ER_CHECKREAD: // MariaDB's: changed since this transaction began
        return MYSQL_FAULT_CONFLICT;
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
    case ER_USER_LIMIT_REACHED:
    case ER_HOST_IS_BLOCKED:
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
    case ER_OUT_OF_RESOURCES:
    case ER_OUTOFMEMORY:
    case ER_CANT_CREATE_THREAD:
    case ER_QUERY_INTERRUPTED:
    case ER_STATEMENT_TIMEOUT:
    case STATEMENT_TIMED_OUT:
    case OFFLINE_MODE:
    case ER_LOCK_TABLE_FULL:
    case ER_OPTION_PREVENTS_STATEMENT: // --read-only: a failover is going on
    case ER_READ_ONLY_MODE:
    case ER_ERROR_ON_WRITE:
    case ER_ERROR_DURING_COMMIT:
        return MYSQL_FAULT_BUSY;
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
    case ER_HOST_NOT_PRIVILEGED:
    case ER_BAD_DB_ERROR:
    case ER_NO_SUCH_TABLE:
    case ER_BAD_FIELD_ERROR:
    case ER_NOT_SUPPORTED_AUTH_MODE:
    case ER_BINLOG_STMT_MODE_AND_ROW_ENGINE:
    case SECURE_TRANSPORT_REQUIRED:
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
    case CR_AUTH_PLUGIN_ERR:
        return MYSQL_FAULT_USAGE;
    default:
        return MYSQL_FAULT_FATAL;
    }
}

static const char *advice_for(unsigned error_number) {
    switch (error_number) {
    case ER_ACCESS_DENIED_ERROR:
    case ER_ACCESS_DENIED_NO_PASSWORD_ERROR:
        return "; check the user and the password (SALESTIDE_MYSQL_PASSWORD or "
               "--mysql-password-file)";
    case ER_DBACCESS_DENIED_ERROR:
    case ER_TABLEACCESS_DENIED_ERROR:
    case ER_SPECIFIC_ACCESS_DENIED_ERROR:
        return "; give the user its rights with GRANT";
    case ER_BAD_DB_ERROR:
    case ER_NO_SUCH_TABLE:
    case ER_BAD_FIELD_ERROR:
        return "; `salestide setup --aggregates URL` makes what is missing";
    case ER_DISK_FULL:
    case ER_RECORD_FILE_FULL:
        return "; free some disk space there, work goes on by itself then";
    case ER_CON_COUNT_ERROR:
    case ER_TOO_MANY_USER_CONNECTIONS:
        return "; close some connections or raise max_connections there";
    case ER_BINLOG_STMT_MODE_AND_ROW_ENGINE:
        return "; set binlog_format to ROW or MIXED there";
    case SECURE_TRANSPORT_REQUIRED:
        return "; see --mysql-tls and --mysql-ca";
    case ER_NET_PACKET_TOO_LARGE:
        return "; raise max_allowed_packet there";
    case CR_AUTH_PLUGIN_CANNOT_LOAD:
        return "; install libmariadb's plug-in of that name, or give the user another one";
    default:
        return "";
    }
}

// libmariadb has one number for all that can go wrong with TLS.
static enum mysql_fault tls_fault(const char *said) {
    bool identity = strcasestr(said, "certif") != NULL || strcasestr(said, "verif") != NULL ||
                    strcasestr(said, "validation") != NULL ||
                    strcasestr(said, "required") != NULL ||
                    strcasestr(said, "no such file") != NULL;
    return identity ? MYSQL_FAULT_USAGE : MYSQL_FAULT_LOST;
}

enum mysql_fault mysql_failed(struct mysql_connection *c, const char *doing, struct error *err) {
    unsigned number = mysql_errno(c->handle);
    const char *said = mysql_error(c->handle);
    bool tls = number == CR_SSL_CONNECTION_ERROR;
    enum mysql_fault fault = tls ? tls_fault(said) : mysql_fault_of(number);
    const char *advice = advice_for(number);
    if (tls && fault == MYSQL_FAULT_USAGE) {
        advice = "; see --mysql-tls and --mysql-ca";
    }
    static const enum error_class classes[] = {
        [MYSQL_FAULT_LOST] = ERROR_RETRIABLE, [MYSQL_FAULT_CONFLICT] = ERROR_RETRIABLE,
        [MYSQL_FAULT_BUSY] = ERROR_RETRIABLE, [MYSQL_FAULT_USAGE] = ERROR_USAGE,
        [MYSQL_FAULT_FATAL] = ERROR_FATAL,
    };
    c->fault = fault;
    error_set(err, classes[fault], "%s at %s: %.200s (%u)%s", doing, c->name, said, number, advice);
    return fault;
}
