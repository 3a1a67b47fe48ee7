// SPDX-License-Identifier: MIT
// Options: precedence, what a value may be, and messages that name the option and its origin. Runs
// on the program's own table, so a row that breaks a rule is found here.
#include "host/options.h"

#include "base/must.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
// cmocka needs the headers above before it.
#include <cmocka.h>

static const struct command_spec *command(const char *name) {
    for (size_t i = 0; i < command_specs_count; i++) {
        if (strcmp(command_specs[i].name, name) == 0) {
            return &command_specs[i];
        }
    }
    fail_msg("no command %s", name);
    return NULL;
}

#define PARSE(name, ...) parse(name, (char *[]){__VA_ARGS__, NULL}) // the words of a command line

static struct options *parse(const char *name, char **words) {
    struct options *o = NULL;
    struct error err = {0};
    int n = 0;
    while (words[n] != NULL) {
        n++;
    }
    if (!options_parse(command(name), n, words, &o, &err)) {
        fail_msg("%s", err.text);
    }
    return o;
}

static void refused(const char *name, char **words, const char *part_1, const char *part_2) {
    struct options *o = NULL;
    struct error err = {0};
    int n = 0;
    while (words[n] != NULL) {
        n++;
    }
    assert_false(options_parse(command(name), n, words, &o, &err));
    assert_null(o);
    assert_int_equal(err.cls, ERROR_USAGE);
    if (strstr(err.text, part_1) == NULL || strstr(err.text, part_2) == NULL) {
        fail_msg("\"%s\" should have \"%s\" and \"%s\"", err.text, part_1, part_2);
    }
}

#define REFUSED(part_1, part_2, name, ...)                                                         \
    refused(name, (char *[]){__VA_ARGS__, NULL}, part_1, part_2)

// A config file of this text; its path is valid until the next one.
static char *config_file(const char *text, size_t len) {
    static char path[64];
    snprintf(path, sizeof path, "/tmp/salestide-options-XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    return path;
}

static int clean_environment(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < option_specs_count; i++) {
        char name[96];
        snprintf(name, sizeof name, "SALESTIDE_%s", option_specs[i].name);
        for (char *at = name; *at != '\0'; at++) {
            *at = *at == '-' ? '_' : (char)(*at >= 'a' && *at <= 'z' ? *at - 'a' + 'A' : *at);
        }
        unsetenv(name);
    }
    return 0;
}

static void a_flag_is_stronger_than_environment_file_and_default(void **state) {
    UNUSED(state);
    const char text[] = "max-depth = 7\n";
    char *path = config_file(text, sizeof text - 1);

    struct options *o = parse("serve", (char *[]){NULL});
    assert_int_equal(option_int(o, "max-depth"), 32);
    assert_false(option_given(o, "max-depth"));
    options_free(o);

    o = PARSE("serve", "--config", path);
    assert_int_equal(option_int(o, "max-depth"), 7);
    assert_true(option_given(o, "max-depth"));
    assert_false(option_typed(o, "max-depth"));
    options_free(o);

    setenv("SALESTIDE_MAX_DEPTH", "8", 1);
    o = PARSE("serve", "--config", path);
    assert_int_equal(option_int(o, "max-depth"), 8);
    options_free(o);

    o = PARSE("serve", "--max-depth", "9", "--config", path);
    assert_int_equal(option_int(o, "max-depth"), 9);
    options_free(o);
    unlink(path);
}

static void the_config_file_may_come_from_the_environment(void **state) {
    UNUSED(state);
    const char text[] = "\xef\xbb\xbf# comment\n\n  listen = 127.0.0.1:9 ; here\n[load]\n"
                        "format = csv\n[serve]\ndata: /srv/shop\ninsecure = yes\n";
    char *path = config_file(text, sizeof text - 1);
    setenv("SALESTIDE_CONFIG", path, 1);
    struct options *o = parse("serve", (char *[]){NULL});
    assert_string_equal(option_text(o, "listen"), "127.0.0.1:9");
    assert_string_equal(option_text(o, "data"), "/srv/shop");
    assert_true(option_flag(o, "insecure"));
    options_free(o);
    o = PARSE("load", "a.csv");
    assert_string_equal(option_text(o, "format"), "csv");
    assert_null(option_text(o, "data"));
    options_free(o);
    unlink(path);
}

static void a_value_may_follow_an_equals_sign_or_be_the_next_word(void **state) {
    UNUSED(state);
    struct options *o = PARSE("serve", "--data=--odd=name", "--listen", "[::1]:80", "--insecure=no",
                              "--require-keys");
    assert_string_equal(option_text(o, "data"), "--odd=name");
    assert_string_equal(option_text(o, "listen"), "[::1]:80");
    assert_false(option_flag(o, "insecure"));
    assert_true(option_given(o, "insecure"));
    assert_true(option_flag(o, "require-keys"));
    assert_true(option_typed(o, "require-keys"));
    options_free(o);
}

static void the_last_of_two_equal_flags_holds(void **state) {
    UNUSED(state);
    struct options *o = PARSE("serve", "--data", "a", "--data", "b");
    assert_string_equal(option_text(o, "data"), "b");
    options_free(o);
}

static void arguments_and_options_come_in_any_order(void **state) {
    UNUSED(state);
    struct options *o =
        PARSE("load", "a.csv", "--data", "d", "-", "--format=csv", "--", "--b.csv", "-c");
    assert_int_equal(option_args_count(o), 4);
    assert_string_equal(option_arg(o, 0), "a.csv");
    assert_string_equal(option_arg(o, 1), "-");
    assert_string_equal(option_arg(o, 2), "--b.csv");
    assert_string_equal(option_arg(o, 3), "-c");
    assert_null(option_arg(o, 4));
    assert_string_equal(option_text(o, "data"), "d");
    options_free(o);
}

static void a_list_keeps_every_item_of_its_strongest_origin(void **state) {
    UNUSED(state);
    const char text[] = "set = source=file\nset = state=file\n";
    char *path = config_file(text, sizeof text - 1);
    struct options *o = PARSE("load", "x", "--config", path);
    assert_int_equal(option_list_count(o, "set"), 2);
    assert_string_equal(option_list_at(o, "set", 0), "source=file");
    assert_string_equal(option_list_at(o, "set", 1), "state=file");
    assert_null(option_list_at(o, "set", 2));
    options_free(o);

    setenv("SALESTIDE_SET", "source=a, b\n\nstate=c\nshipping=1\n", 1);
    o = PARSE("load", "x", "--config", path);
    assert_int_equal(option_list_count(o, "set"), 3);
    assert_string_equal(option_list_at(o, "set", 0), "source=a, b");
    assert_string_equal(option_list_at(o, "set", 2), "shipping=1");
    options_free(o);

    o = PARSE("load", "x", "--config", path, "--set", "source=flag");
    assert_int_equal(option_list_count(o, "set"), 1);
    assert_string_equal(option_list_at(o, "set", 0), "source=flag");
    assert_int_equal(option_list_count(o, "map"), 0);
    options_free(o);
    unlink(path);
}

static void bytes_and_durations_have_units(void **state) {
    UNUSED(state);
    static const struct {
        const char *option, *typed;
        int64_t number;
    } cases[] = {
        {"max-body", "4096", 4096},
        {"max-body", "64KiB", 65536},
        {"max-body", "1gib", INT64_C(1) << 30},
        {"max-decompressed", "2GiB", INT64_C(2) << 30},
        {"header-timeout", "500ms", 500},
        {"queue-events", "1", 1},
        {"late-limit", "90s", 90000},
        {"late-limit", "10m", 600000},
        {"late-limit", "24h", 86400000},
        {"late-limit", "30d", INT64_C(30) * 86400000},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char word[64];
        snprintf(word, sizeof word, "--%s=%s", cases[i].option, cases[i].typed);
        struct options *o = PARSE("serve", word);
        assert_int_equal(option_int(o, cases[i].option), cases[i].number);
        options_free(o);
    }
}

static void a_number_that_cannot_be_used_is_refused_with_what_it_takes(void **state) {
    UNUSED(state);
    static const struct {
        const char *word, *part;
    } cases[] = {
        {"--late-limit=10", "10m"},
        {"--late-limit=1.5h", "10m"},
        {"--late-limit=10 m", "10m"},
        {"--late-limit=31d", "from 1s to 30d"},
        {"--late-limit=-1s", "10m"},
        {"--late-limit=99999999999999999999d", "10m"},
        {"--late-limit=106751991168d", "from 1s to 30d"},
        {"--max-body=1023", "1KiB to 1GiB"},
        {"--max-body=2GiB", "1KiB to 1GiB"},
        {"--max-body=16MB", "16MiB"},
        {"--max-body=", "not empty"},
        {"--max-depth=x", "whole number"},
        {"--max-depth=0x10", "whole number"},
        {"--max-depth=10000", "4 to 1000"},
        {"--insecure=maybe", "yes or no"},
        {"--log-level=loud", "debug info warn error"},
        {"--log-level=info warn", "debug info warn error"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char word[64];
        char name[64];
        snprintf(word, sizeof word, "%s", cases[i].word);
        snprintf(name, sizeof name, "%.*s: ", (int)strcspn(word, "="), word);
        REFUSED(name, cases[i].part, "serve", word);
    }
}

static void a_message_names_the_origin_of_a_bad_value(void **state) {
    UNUSED(state);
    setenv("SALESTIDE_MAX_EVENTS", "many", 1);
    REFUSED("SALESTIDE_MAX_EVENTS (environment)", "\"many\"", "serve", "--data=d");
    // Also when a flag is stronger: it would surprise at the first run without the flag.
    REFUSED("SALESTIDE_MAX_EVENTS (environment)", "\"many\"", "serve", "--max-events=5");
    unsetenv("SALESTIDE_MAX_EVENTS");
    const char text[] = "data = d\n\n[serve]\nmax-events = few\n";
    char *path = config_file(text, sizeof text - 1);
    char where[128];
    snprintf(where, sizeof where, "max-events (%s, line 4)", path);
    REFUSED(where, "\"few\"", "serve", "--config", path);
    unlink(path);
}

static void an_empty_environment_variable_counts_as_not_set(void **state) {
    UNUSED(state);
    setenv("SALESTIDE_MAX_EVENTS", "", 1);
    struct options *o = parse("serve", (char *[]){NULL});
    assert_int_equal(option_int(o, "max-events"), 100000);
    assert_false(option_given(o, "max-events"));
    options_free(o);
}

static void an_unknown_environment_variable_stops_the_start(void **state) {
    UNUSED(state);
    setenv("SALESTIDE_MAX_BDOY", "4MiB", 1);
    REFUSED("SALESTIDE_MAX_BDOY", "did you mean SALESTIDE_MAX_BODY?", "serve", "--data=d");
    setenv("SALESTIDE_MAX_BDOY", "", 1); // counts as not set
    options_free(parse("serve", (char *[]){NULL}));
    unsetenv("SALESTIDE_MAX_BDOY");
    setenv("SALESTIDE_BANANA", "x", 1);
    REFUSED("SALESTIDE_BANANA names no option; unset it", "", "key", "list");
    unsetenv("SALESTIDE_BANANA");
    // Other commands' options, passwords, and what container platforms set.
    static const char *const fine[] = {"SALESTIDE_RATE", "SALESTIDE_MYSQL_PASSWORD",
                                       "SALESTIDE_SERVICE_HOST", "SALESTIDE_PORT_8080_TCP"};
    for (size_t i = 0; i < COUNT_OF(fine); i++) {
        setenv(fine[i], "100", 1);
        options_free(parse("serve", (char *[]){NULL}));
        unsetenv(fine[i]);
    }
}

static void a_config_file_that_is_a_directory_is_said_so(void **state) {
    UNUSED(state);
    REFUSED("cannot read the config file /tmp", "directory", "serve", "--config", "/tmp");
}

static void an_unknown_option_is_answered_with_the_nearest(void **state) {
    UNUSED(state);
    REFUSED("--dta", "did you mean --data?", "serve", "--dta", "x");
    REFUSED("--lsiten", "did you mean --listen?", "serve", "--lsiten=x");
    REFUSED("--banana", "serve --help", "serve", "--banana");
    REFUSED("--rate", "option of generate, not of serve", "serve", "--rate=4");
    REFUSED("-d", "two dashes", "serve", "-d");
    char word[200];
    snprintf(word, sizeof word, "--%0190d", 7);
    REFUSED("unknown option", "serve --help", "serve", word);
}

static void a_forgotten_value_or_argument_is_told(void **state) {
    UNUSED(state);
    REFUSED("--data", "needs a value: --data DIR", "serve", "--data");
    REFUSED("--data", "needs a value: --data DIR", "serve", "--data", "--insecure");
    REFUSED("serve takes no arguments", "\"x\"", "serve", "x");
}

static void a_config_file_that_cannot_be_read_is_refused_by_line(void **state) {
    UNUSED(state);
    static char long_line[300];
    memset(long_line, 'x', sizeof long_line - 1);
    static const struct {
        const char *text;
        size_t len;
        const char *part_1, *part_2;
    } cases[] = {
#define TEXT(literal) literal, sizeof literal - 1
        {TEXT("data = d\nbanana = 1\n"), "line 2", "banana is not an option"},
        {TEXT("[server]\ndata = d\n"), "line 2", "[server] is not a sub-command"},
        {TEXT("[serve]\nrate = 5\n"), "line 2", "rate is not an option of serve"},
        {TEXT("data\n"), "line 1", "is not `name = value`"},
        {TEXT("config = other\n"), "line 1", "config is not an option"},
        {TEXT("data = d\0evil\n"), "line 1", "is not a config file"},
        {TEXT("data =\n"), "line 1", "not empty"},
        {long_line, sizeof long_line - 1, "line 1", "too long"},
#undef TEXT
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char *path = config_file(cases[i].text, cases[i].len);
        REFUSED(cases[i].part_1, cases[i].part_2, "serve", "--config", path);
        unlink(path);
    }
    REFUSED("/no/such.conf", "No such file", "serve", "--config=/no/such.conf");
    REFUSED("/tmp", "directory", "serve", "--config=/tmp");
}

static void an_indented_line_is_a_line_of_its_own(void **state) {
    UNUSED(state);
    const char text[] = "data = d\n   listen = l\n\tcurrency = EUR";
    char *path = config_file(text, sizeof text - 1);
    struct options *o = PARSE("serve", "--config", path);
    assert_string_equal(option_text(o, "data"), "d");
    assert_string_equal(option_text(o, "listen"), "l");
    assert_string_equal(option_text(o, "currency"), "EUR");
    options_free(o);
    unlink(path);
}

static void unset_options_without_default_are_null_or_minus_one(void **state) {
    UNUSED(state);
    struct options *o = parse("generate", (char *[]){NULL});
    assert_null(option_text(o, "to"));
    assert_int_equal(option_int(o, "seed"), -1);
    assert_false(option_flag(o, "with-customer-fields"));
    options_free(o);
}

static void every_row_has_help_a_valid_default_and_known_commands(void **state) {
    UNUSED(state);
    for (size_t i = 0; i < option_specs_count; i++) {
        const struct option_spec *spec = &option_specs[i];
        assert_true(strlen(spec->name) <= 32 && strlen(spec->help) >= 10);
        size_t n_help = strlen(spec->help);
        assert_true(spec->help[n_help - 1] == '.');
        assert_int_equal(spec->value == NULL, spec->type == OPTION_FLAG);
        if (spec->type == OPTION_INT || spec->type == OPTION_BYTES ||
            spec->type == OPTION_DURATION) {
            assert_true(spec->min < spec->max);
        }
        char commands[256];
        snprintf(commands, sizeof commands, "%s", spec->commands);
        for (char *name = strtok(commands, " "); name != NULL; name = strtok(NULL, " ")) {
            assert_non_null(command(name));
            // One row a name and command.
            for (size_t j = 0; j < i; j++) {
                assert_false(strcmp(option_specs[j].name, spec->name) == 0 &&
                             strstr(option_specs[j].commands, name) != NULL);
            }
        }
    }
    for (size_t i = 0; i < command_specs_count; i++) {
        assert_non_null(command_specs[i].run);
        struct options *o = parse(command_specs[i].name, (char *[]){NULL}); // defaults are valid
        options_free(o);
    }
}

// What a printer writes, as one text to be freed.
static char *printed(void (*print)(FILE *out)) {
    char *text = NULL;
    size_t len = 0;
    FILE *out = open_memstream(&text, &len);
    assert_non_null(out);
    print(out);
    fclose(out);
    return text;
}

static void help_of_all(FILE *out) {
    options_help(NULL, out);
    for (size_t i = 0; i < command_specs_count; i++) {
        options_help(&command_specs[i], out);
    }
}

static void every_option_and_command_is_in_help_manual_and_markdown(void **state) {
    UNUSED(state);
    char *help = printed(help_of_all);
    char *man = printed(options_man);
    char *markdown = printed(options_markdown);
    for (size_t i = 0; i < option_specs_count; i++) {
        char plain[64];
        char troff[128];
        size_t n = 0;
        snprintf(plain, sizeof plain, "--%s", option_specs[i].name);
        for (const char *at = plain; *at != '\0'; at++) {
            n += (size_t)snprintf(troff + n, sizeof troff - n, *at == '-' ? "\\-" : "%c", *at);
        }
        assert_non_null(strstr(help, plain));
        assert_non_null(strstr(markdown, plain));
        assert_non_null(strstr(man, troff));
    }
    for (size_t i = 0; i < command_specs_count; i++) {
        assert_non_null(strstr(help, command_specs[i].summary));
        assert_non_null(strstr(markdown, command_specs[i].summary));
    }
    for (const char *line = help; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        assert_true(strcspn(line, "\n") <= 100);
    }
    free(help);
    free(man);
    free(markdown);
}

static bool is_unread(const struct options *o, const char *wanted, bool *typed) {
    size_t i = 0;
    for (const char *name; (name = options_next_unread(o, &i, typed)) != NULL;) {
        if (strcmp(name, wanted) == 0) {
            return true;
        }
    }
    return false;
}

static void an_option_is_unread_until_somebody_asks_for_it(void **state) {
    UNUSED(state);
    bool typed = true;
    struct options *o = PARSE("serve", "--group", "g", "--skip-gap");
    assert_false(is_unread(o, "config", &typed)); // looked at by the parser itself
    assert_true(is_unread(o, "max-body", &typed));
    assert_false(typed);
    assert_true(is_unread(o, "group", &typed));
    assert_true(typed);
    assert_string_equal(option_text(o, "group"), "g");
    assert_false(is_unread(o, "group", &typed));
    assert_true(is_unread(o, "skip-gap", &typed));
    assert_true(typed);
    assert_true(option_flag(o, "skip-gap"));
    assert_int_equal(option_int(o, "max-body"), 16 * 1024 * 1024);
    assert_false(is_unread(o, "skip-gap", &typed));
    assert_false(is_unread(o, "max-body", &typed));
    options_free(o);
}

int main(void) {
#define TEST(f) cmocka_unit_test_setup(f, clean_environment)
    const struct CMUnitTest tests[] = {
        TEST(a_flag_is_stronger_than_environment_file_and_default),
        TEST(the_config_file_may_come_from_the_environment),
        TEST(a_value_may_follow_an_equals_sign_or_be_the_next_word),
        TEST(the_last_of_two_equal_flags_holds),
        TEST(arguments_and_options_come_in_any_order),
        TEST(a_list_keeps_every_item_of_its_strongest_origin),
        TEST(bytes_and_durations_have_units),
        TEST(a_number_that_cannot_be_used_is_refused_with_what_it_takes),
        TEST(a_message_names_the_origin_of_a_bad_value),
        TEST(an_empty_environment_variable_counts_as_not_set),
        TEST(an_unknown_environment_variable_stops_the_start),
        TEST(a_config_file_that_is_a_directory_is_said_so),
        TEST(an_unknown_option_is_answered_with_the_nearest),
        TEST(a_forgotten_value_or_argument_is_told),
        TEST(a_config_file_that_cannot_be_read_is_refused_by_line),
        TEST(an_indented_line_is_a_line_of_its_own),
        TEST(an_option_is_unread_until_somebody_asks_for_it),
        TEST(unset_options_without_default_are_null_or_minus_one),
        TEST(every_row_has_help_a_valid_default_and_known_commands),
        TEST(every_option_and_command_is_in_help_manual_and_markdown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
