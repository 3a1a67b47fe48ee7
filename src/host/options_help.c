// SPDX-License-Identifier: MIT
// The same tables printed for three readers: --help (plain text), docs/configuration.md and the man
// page. What each prints depends on the tables alone, so that a check can compare the stored
// documents with new ones.
#include "host/options_internal.h"

#include <stdio.h>
#include <string.h>

#define HELP_COLUMNS 88

// The default and what the value may be, as one or two sentences: `Default 10s; from 100ms to 1h.`
static void describe_value(const struct option_spec *spec, char *out, size_t out_bytes) {
    char bounds[96] = "";
    out[0] = '\0';
    if (spec->type == OPTION_INT || spec->type == OPTION_BYTES || spec->type == OPTION_DURATION) {
        char low[32];
        char high[32];
        option_value_write(spec->type, spec->min, low, sizeof low);
        option_value_write(spec->type, spec->max, high, sizeof high);
        if (spec->max == INT64_MAX) {
            snprintf(bounds, sizeof bounds, "from %s", low);
        } else {
            snprintf(bounds, sizeof bounds, "from %s to %s", low, high);
        }
    } else if (spec->choices != NULL) {
        snprintf(bounds, sizeof bounds, "one of: %s", spec->choices);
    } else if (spec->type == OPTION_LIST) {
        snprintf(bounds, sizeof bounds, "may be given several times");
    }
    if (spec->fallback != NULL && bounds[0] != '\0') {
        snprintf(out, out_bytes, "Default %s; %s.", spec->fallback, bounds);
    } else if (spec->fallback != NULL) {
        snprintf(out, out_bytes, "Default %s.", spec->fallback);
    } else if (bounds[0] != '\0') {
        snprintf(out, out_bytes, "%c%s.", bounds[0] - 'a' + 'A', bounds + 1);
    }
}

// ---- plain text

// Words of `text` in lines of at most HELP_COLUMNS, each indented.
static void put_wrapped(FILE *out, const char *text, int indent) {
    int column = 0;
    while (*text != '\0') {
        size_t n = strcspn(text, " ");
        if (column > 0 && column + 1 + (int)n > HELP_COLUMNS) {
            fputc('\n', out);
            column = 0;
        }
        int before = column == 0 ? indent : 1;
        fprintf(out, "%*s%.*s", before, "", (int)n, text);
        column += before + (int)n;
        text += n;
        text += strspn(text, " ");
    }
    if (column > 0) {
        fputc('\n', out);
    }
}

static void help_options(const char *command, FILE *out) {
    for (size_t i = 0; i < option_specs_count; i++) {
        const struct option_spec *spec = &option_specs[i];
        char value[192];
        if (!option_has_command(spec, command)) {
            continue;
        }
        describe_value(spec, value, sizeof value);
        fprintf(out, "  --%s%s%s\n", spec->name, spec->value != NULL ? " " : "",
                spec->value != NULL ? spec->value : "");
        put_wrapped(out, spec->help, 8);
        put_wrapped(out, value, 8);
    }
}

static void help_program(FILE *out) {
    fputs("salestide: orders in over HTTP, stored for good, added up exactly, seen live\n\n"
          "Usage: salestide COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n",
          out);
    for (size_t i = 0; i < command_specs_count; i++) {
        fprintf(out, "  %-10s %s\n", command_specs[i].name, command_specs[i].summary);
    }
    fputs("\nsalestide COMMAND --help tells a command's options; salestide --version the version.\n"
          "First steps: salestide serve, then open http://127.0.0.1:8080/ in a browser.\n",
          out);
}

void options_help(const struct command_spec *command, FILE *out) {
    if (command == NULL) {
        help_program(out);
        return;
    }
    fprintf(out, "salestide %s: %s\n\nUsage: salestide %s [OPTION...]%s%s\n", command->name,
            command->summary, command->name, *command->arguments != '\0' ? " " : "",
            command->arguments);
    if (command->details != NULL) {
        fputc('\n', out);
        put_wrapped(out, command->details, 0);
    }
    fputs("\nOptions:\n", out);
    help_options(command->name, out);
    fputc('\n', out);
    put_wrapped(out,
                "Each option may also come from the environment (--max-body as SALESTIDE_MAX_BODY) "
                "or from the file of --config; a flag is stronger than the environment, and that "
                "than the file.",
                0);
}

// ---- docs/configuration.md

// Text inside a table cell: `|` would end it, `<` could begin HTML.
static void put_cell(FILE *out, const char *text) {
    for (; *text != '\0'; text++) {
        if (*text == '|' || *text == '<') {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

static void markdown_option(const struct option_spec *spec, FILE *out) {
    char variable[96];
    char value[192];
    option_environment_name(spec->name, variable, sizeof variable);
    describe_value(spec, value, sizeof value);
    fprintf(out, "| `--%s%s%s` | `%s` | ", spec->name, spec->value != NULL ? " " : "",
            spec->value != NULL ? spec->value : "", variable);
    put_cell(out, spec->help);
    if (value[0] != '\0') {
        fputc(' ', out);
        put_cell(out, value);
    }
    fputs(" |\n", out);
}

static void markdown_command(const struct command_spec *command, FILE *out) {
    fprintf(out, "\n## salestide %s\n\n`salestide %s [OPTION...]%s%s`: %s.\n", command->name,
            command->name, *command->arguments != '\0' ? " " : "", command->arguments,
            command->summary);
    if (command->details != NULL) {
        fprintf(out, "\n%s\n", command->details);
    }
    fputs("\n| option | environment | meaning |\n|---|---|---|\n", out);
    for (size_t i = 0; i < option_specs_count; i++) {
        if (option_has_command(&option_specs[i], command->name)) {
            markdown_option(&option_specs[i], out);
        }
    }
}

void options_markdown(FILE *out) {
    fputs("<!-- Generated from src/host/options_table.c by `make docs`. Do not edit. -->\n"
          "# Configuration\n\n"
          "Nothing has to be configured. What can be is below: one table of options for each "
          "command,\n"
          "made from the table that the program itself reads.\n\n"
          "An option is looked for in this order, and the first place that has it holds:\n\n"
          "1. the command line: `--max-body 4MiB` or `--max-body=4MiB`;\n"
          "2. the environment: `SALESTIDE_MAX_BODY=4MiB` (an empty variable counts as not set; an\n"
          "   option that may be given several times takes one item a line);\n"
          "3. the file of `--config FILE` (or `SALESTIDE_CONFIG`);\n"
          "4. the default.\n\n"
          "A value that cannot be used stops the program at its start with exit code 2 and a line "
          "that\n"
          "names the option and where the value came from. So does a name that is not known.\n\n"
          "Sizes: `65536`, `64KiB`, `16MiB`, `1GiB`. Times: `500ms`, `10s`, `10m`, `24h`, `30d`. "
          "Flags:\n"
          "`--insecure`, or `insecure = yes` in a file, `yes` or `no` in the environment.\n\n"
          "## The config file\n\n"
          "```ini\n"
          "# Lines before the first [section] hold for every command that takes the option.\n"
          "data = /var/lib/salestide\n\n"
          "[serve]\n"
          "listen = 127.0.0.1:8080\n"
          "customers = /etc/salestide/customers.csv\n"
          "```\n\n"
          "A line has at most 190 characters; `#` or `;` at its start, or ` ;` after the value, "
          "begins a\n"
          "comment. An option that may be given several times is written on several lines.\n\n"
          "`serve` reads its options once, at its start; the files that `--customers` and "
          "`--products`\n"
          "name are read again on SIGHUP, and API keys whenever they change.\n",
          out);
    for (size_t i = 0; i < command_specs_count; i++) {
        markdown_command(&command_specs[i], out);
    }
}

// ---- the man page

// Text for troff: a backslash and a dash mean something, and so does a dot or quote that begins a
// line.
static void put_troff(FILE *out, const char *text) {
    if (*text == '.' || *text == '\'') {
        fputs("\\&", out);
    }
    for (; *text != '\0'; text++) {
        if (*text == '\\') {
            fputs("\\e", out);
        } else if (*text == '-') {
            fputs("\\-", out);
        } else {
            fputc(*text, out);
        }
    }
}

static void man_option(const struct option_spec *spec, FILE *out) {
    char value[192];
    describe_value(spec, value, sizeof value);
    fputs(".TP\n\\fB\\-\\-", out);
    put_troff(out, spec->name);
    fputs("\\fR", out);
    if (spec->value != NULL) {
        fputs(" \\fI", out);
        put_troff(out, spec->value);
        fputs("\\fR", out);
    }
    fputc('\n', out);
    put_troff(out, spec->help);
    fputc('\n', out);
    if (value[0] != '\0') {
        put_troff(out, value);
        fputc('\n', out);
    }
}

static void man_command(const struct command_spec *command, FILE *out) {
    fprintf(out, ".SS salestide %s [OPTION...]", command->name);
    fprintf(out, "%s%s\n", *command->arguments != '\0' ? " " : "", command->arguments);
    char first = command->summary[0];
    fputc(first >= 'a' && first <= 'z' ? first - 'a' + 'A' : first, out);
    put_troff(out, command->summary + 1);
    fputs(".\n", out);
    if (command->details != NULL) {
        put_troff(out, command->details);
        fputc('\n', out);
    }
    for (size_t i = 0; i < option_specs_count; i++) {
        if (option_has_command(&option_specs[i], command->name)) {
            man_option(&option_specs[i], out);
        }
    }
}

void options_man(FILE *out) {
    fputs(".\\\" Generated from src/host/options_table.c by `make docs`. Do not edit.\n"
          ".TH SALESTIDE 1 \"\" \"salestide " SALESTIDE_VERSION "\" \"User Commands\"\n"
          ".SH NAME\nsalestide \\- real\\-time sales pipeline in one program\n"
          ".SH SYNOPSIS\n.B salestide\n.I COMMAND\n[\\fIOPTION\\fR...] [\\fIARGUMENT\\fR...]\n"
          ".SH DESCRIPTION\n"
          "A shop sends its orders over HTTP; salestide checks them, stores every one of them for "
          "good, keeps exact running totals, and shows them live on a web page.\n"
          "It runs as one process with one data directory and needs nothing else.\n"
          ".SH COMMANDS\n",
          out);
    for (size_t i = 0; i < command_specs_count; i++) {
        man_command(&command_specs[i], out);
    }
    fputs(".SH CONFIGURATION\n"
          "An option is taken from the command line, else from the environment, else from the file "
          "of "
          "\\fB\\-\\-config\\fR, else it has its default.\n"
          "The file has lines \\fIname\\fR = \\fIvalue\\fR; those after a line [\\fICOMMAND\\fR] "
          "hold "
          "for that command alone.\n"
          ".SH ENVIRONMENT\n.TP\n\\fBSALESTIDE_\\fINAME\\fR\n"
          "The option of that name in capitals with _ for \\-, as in SALESTIDE_MAX_BODY.\n"
          ".SH FILES\n.TP\n\\fIDATA\\fR/sales.db\nOrders and totals, a SQLite database that any "
          "tool may "
          "read while it is written.\n.TP\n\\fIDATA\\fR/keys\nHashes of the API keys.\n"
          ".SH SIGNALS\n.TP\nSIGTERM, SIGINT\nserve answers what it has taken, then stops.\n"
          ".TP\nSIGHUP\nserve reads the customers and products files again.\n"
          ".SH EXIT STATUS\n0: done. 1: failed. 2: wrong usage.\n"
          ".SH EXAMPLES\n.nf\n"
          "salestide serve \\-\\-data ./data \\-\\-customers customers.csv\n"
          "salestide generate \\-\\-rate 100 \\-\\-to http://127.0.0.1:8080\n"
          "salestide load orders.csv.gz \\-\\-data ./data\n"
          "salestide verify \\-\\-data ./data\n"
          ".fi\n",
          out);
}
