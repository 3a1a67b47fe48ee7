# bash completion for salestide
# Generated from src/host/options_table.c by `make docs`. Do not edit.
_salestide_words() { mapfile -t COMPREPLY < <(compgen -W "$1" -- "$current"); }
_salestide_files() {
    compopt -o filenames 2>/dev/null
    mapfile -t COMPREPLY < <(compgen "$1" -- "$current")
}
_salestide() {
    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
    # --option=value comes as three words.
    if [ "$current" = = ]; then
        current=
    elif [ "$before" = = ]; then
        before=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    if [ "$COMP_CWORD" -eq 1 ]; then
        _salestide_words "serve ingest process dashboard tally load generate setup verify rebuild backup forget rejected key ready webhook help --help --version"
        return
    fi
    case ${COMP_WORDS[1]} in
    serve)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --group-protocol) _salestide_words "auto classic consumer"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --customers | --products | --alerts | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --listen | --public-url | --broker | --raw | --aggregates | --alert-webhook | --currency | --timezone | --locale | --late-limit | --max-body | --max-decompressed | --max-events | --max-depth | --max-rows | --header-timeout | --body-timeout | --idle-timeout | --max-connections | --max-viewers | --day-memory | --max-inflight | --queue-events | --batch-events | --partitions | --replication | --delivery-timeout | --kafka-user | --group | --dedupe-window | --dedupe-memory | --session-timeout | --log-batch-events | --rejected-topic | --start-timeout) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --listen --public-url --broker --raw --aggregates --customers --products --alerts --alert-webhook --currency --timezone --locale --late-limit --require-keys --insecure --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --max-body --max-decompressed --max-events --max-depth --max-rows --header-timeout --body-timeout --idle-timeout --max-connections --max-viewers --day-memory --max-inflight --queue-events --batch-events --create-topic --partitions --replication --delivery-timeout --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --group --dedupe-window --dedupe-memory --group-protocol --session-timeout --log-batch-events --skip-gap --allow-compacted --rejected-topic --start-timeout --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    ingest)
        case $before in
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --listen | --public-url | --broker | --currency | --timezone | --max-body | --max-decompressed | --max-events | --max-depth | --header-timeout | --body-timeout | --idle-timeout | --max-connections | --max-inflight | --queue-events | --partitions | --replication | --delivery-timeout | --kafka-user) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --listen --public-url --broker --currency --timezone --require-keys --insecure --max-body --max-decompressed --max-events --max-depth --header-timeout --body-timeout --idle-timeout --max-connections --max-inflight --queue-events --create-topic --partitions --replication --delivery-timeout --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    process)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --value-format) _salestide_words "json connect debezium confluent-json"; return ;;
        --epoch) _salestide_words "s ms us ns"; return ;;
        --group-protocol) _salestide_words "auto classic consumer"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --customers | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --listen | --public-url | --broker | --raw | --aggregates | --currency | --timezone | --late-limit | --max-depth | --header-timeout | --idle-timeout | --max-connections | --max-inflight | --kafka-user | --times-in | --group | --dedupe-window | --dedupe-memory | --session-timeout | --log-batch-events | --rejected-topic | --start-timeout) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --listen --public-url --broker --raw --aggregates --data --customers --currency --timezone --late-limit --require-keys --insecure --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --max-depth --header-timeout --idle-timeout --max-connections --max-inflight --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --value-format --epoch --times-in --group --dedupe-window --dedupe-memory --group-protocol --session-timeout --log-batch-events --skip-gap --allow-compacted --rejected-topic --start-timeout --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    dashboard)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --products | --alerts | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --aggregates | --raw | --listen | --public-url | --broker | --alert-webhook | --locale | --max-rows | --header-timeout | --idle-timeout | --max-connections | --max-viewers | --day-memory | --max-inflight | --kafka-user) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --aggregates --raw --listen --public-url --broker --products --alerts --alert-webhook --locale --require-keys --insecure --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --max-rows --header-timeout --idle-timeout --max-connections --max-viewers --day-memory --max-inflight --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    tally)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --raw | --aggregates | --currency | --timezone | --late-limit | --dedupe-memory | --give-up | --start-timeout) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --raw --aggregates --data --currency --timezone --late-limit --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --dedupe-memory --give-up --start-timeout --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    load)
        case $before in
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --format) _salestide_words "auto csv ndjson"; return ;;
        --group-by) _salestide_words "order_id"; return ;;
        --epoch) _salestide_words "s ms us ns"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --customers | --key-file | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --to | --currency | --timezone | --late-limit | --key | --max-depth | --queue-events | --batch-events | --partitions | --replication | --delivery-timeout | --kafka-user | --map | --set | --per-line | --preset | --skip | --refund | --cancelled | --original | --times-in | --delimiter | --encoding | --date-format | --decimal | --thousands) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --to --customers --currency --timezone --late-limit --key --key-file --max-depth --queue-events --batch-events --create-topic --partitions --replication --delivery-timeout --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --format --map --set --group-by --per-line --preset --skip --skip-short --refund --cancelled --returns --original --times-in --delimiter --encoding --date-format --epoch --decimal --thousands --log-level --help" ;;
        *) _salestide_files -f ;;
        esac ;;
    generate)
        case $before in
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --as) _salestide_words "shopify woocommerce stripe"; return ;;
        --ids) _salestide_words "increasing random"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --key-file | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key | --secret-file | --write-customers | --write-products) _salestide_files -f; return ;;
        --to | --key | --partitions | --replication | --delivery-timeout | --kafka-user | --rate | --count | --seed | --start) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --to --key --key-file --create-topic --partitions --replication --delivery-timeout --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --as --secret-file --rate --count --seed --start --ids --with-customer-fields --write-customers --write-products --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    setup)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --bi-password-file | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca) _salestide_files -f; return ;;
        --raw | --aggregates | --bi-user | --currency | --timezone | --late-limit | --cassandra-replication) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --raw --aggregates --bi-user --bi-password-file --print --currency --timezone --late-limit --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --cassandra-replication --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    verify)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --aggregates | --raw) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --aggregates --raw --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    rebuild)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --aggregates | --raw) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --aggregates --raw --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --accept-loss --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    backup)
        case $before in
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --log-level --help" ;;
        *) _salestide_files -f ;;
        esac ;;
    forget)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --cassandra-consistency) _salestide_words "LOCAL_QUORUM QUORUM EACH_QUORUM ALL LOCAL_ONE ONE TWO THREE"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --mysql-password-file | --mysql-ca | --cassandra-password-file | --cassandra-ca) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --customer | --aggregates | --raw) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --customer --aggregates --raw --mysql-password-file --mysql-tls --mysql-ca --cassandra-password-file --cassandra-tls --cassandra-ca --cassandra-consistency --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    rejected)
        case $before in
        --mysql-tls) _salestide_words "off encrypt verify"; return ;;
        --kafka-sasl) _salestide_words "plain scram-sha-256 scram-sha-512"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config | --key-file | --mysql-password-file | --mysql-ca | --kafka-password-file | --kafka-ca | --kafka-certificate | --kafka-certificate-key | --file) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        --aggregates | --to | --key | --delivery-timeout | --kafka-user | --code | --limit) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --aggregates --to --key --key-file --mysql-password-file --mysql-tls --mysql-ca --delivery-timeout --kafka-user --kafka-password-file --kafka-sasl --kafka-tls --kafka-ca --kafka-certificate --kafka-certificate-key --code --limit --all --file --log-level --help" ;;
        *) _salestide_words "list show edit retry" ;;
        esac ;;
    key)
        case $before in
        --scope) _salestide_words "ingest read"; return ;;
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        esac
        case $current in
        -*) _salestide_words "--config --data --scope --log-level --help" ;;
        *) _salestide_words "new list revoke" ;;
        esac ;;
    ready)
        case $before in
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --config) _salestide_files -f; return ;;
        --listen) return ;;
        esac
        case $current in
        -*) _salestide_words "--config --listen --log-level --help" ;;
        *) _salestide_words "" ;;
        esac ;;
    webhook)
        case $before in
        --log-level) _salestide_words "trace debug info warn error"; return ;;
        --secret-file) _salestide_files -f; return ;;
        --data) _salestide_files -d; return ;;
        esac
        case $current in
        -*) _salestide_words "--data --secret-file --log-level --help" ;;
        *) _salestide_words "add list remove" ;;
        esac ;;
    help) _salestide_words "serve ingest process dashboard tally load generate setup verify rebuild backup forget rejected key ready webhook" ;;
    esac
}
complete -F _salestide salestide
