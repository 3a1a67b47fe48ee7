// SPDX-License-Identifier: MIT
// The tables as completions for bash, zsh and fish: commands, each one's options, and values that
// can be known (choices, files, directories). Generated and stored as the documents are
// (options_help.c).
#include "host/options_internal.h"

#include <string.h>

#define GENERATED "# Generated from src/host/options_table.c by `make docs`. Do not edit.\n"

// What a value is completed with.
enum value_of { VALUE_OF_NOTHING, VALUE_OF_CHOICES, VALUE_OF_FILES, VALUE_OF_DIRECTORIES };

static enum value_of value_of(const struct option_spec *spec) {
    return spec->choices != NULL              ? VALUE_OF_CHOICES
           : spec->value == NULL              ? VALUE_OF_NOTHING
           : strcmp(spec->value, "FILE") == 0 ? VALUE_OF_FILES
           : strcmp(spec->value, "DIR") == 0  ? VALUE_OF_DIRECTORIES
                                              : VALUE_OF_NOTHING;
}

static bool takes_files(const struct command_spec *command) {
    return strstr(command->arguments, "FILE") != NULL;
}

// The words among a command's arguments: `list` and `show` of "list | show ID...".
static void put_argument_words(FILE *out, const char *arguments) {
    const char *between = "";
    while (*arguments != '\0') {
        size_t n = strspn(arguments, "abcdefghijklmnopqrstuvwxyz");
        if (n > 0) {
            fprintf(out, "%s%.*s", between, (int)n, arguments);
            between = " ";
        }
        arguments += n > 0 ? n : 1;
    }
}

// Inside of '...': up to the end of the first sentence, without what a shell's list takes for its
// own.
static void put_quoted(FILE *out, const char *text, const char *escape) {
    for (; *text != '\0' && !(text[0] == '.' && (text[1] == ' ' || text[1] == '\0')); text++) {
        if (*text == '\'') {
            fputs("'\\''", out);
            continue;
        }
        if (strchr(escape, *text) != NULL) {
            fputc('\\', out);
        }
        fputc(*text, out);
    }
}

// --- bash

// Options of the command whose value is of this kind, as a pattern of `case`. False: there are
// none, and nothing was written.
static bool bash_pattern(const struct command_spec *command, enum value_of kind, FILE *out) {
    bool any = false;
    for (size_t i = 0; i < option_specs_count; i++) {
        const struct option_spec *spec = &option_specs[i];
        if (spec->type != OPTION_FLAG && value_of(spec) == kind &&
            option_has_command(spec, command->name)) {
            fprintf(out, "%s--%s", any ? " | " : "        ", spec->name);
            any = true;
        }
    }
    return any;
}

static void bash_values(const struct command_spec *command, FILE *out) {
    fputs("        case $before in\n", out);
    for (size_t i = 0; i < option_specs_count; i++) {
        const struct option_spec *spec = &option_specs[i];
        if (spec->choices != NULL && option_has_command(spec, command->name)) {
            fprintf(out, "        --%s) _salestide_words \"%s\"; return ;;\n", spec->name,
                    spec->choices);
        }
    }
    if (bash_pattern(command, VALUE_OF_FILES, out)) {
        fputs(") _salestide_files -f; return ;;\n", out);
    }
    if (bash_pattern(command, VALUE_OF_DIRECTORIES, out)) {
        fputs(") _salestide_files -d; return ;;\n", out);
    }
    if (bash_pattern(command, VALUE_OF_NOTHING, out)) {
        fputs(") return ;;\n", out);
    }
    fputs("        esac\n", out);
}

static void bash_command(const struct command_spec *command, FILE *out) {
    fprintf(out, "    %s)\n", command->name);
    bash_values(command, out);
    fputs("        case $current in\n        -*) _salestide_words \"", out);
    for (size_t i = 0; i < option_specs_count; i++) {
        if (option_has_command(&option_specs[i], command->name)) {
            fprintf(out, "--%s ", option_specs[i].name);
        }
    }
    fputs("--help\" ;;\n        *) ", out);
    if (takes_files(command)) {
        fputs("_salestide_files -f", out);
    } else {
        fputs("_salestide_words \"", out);
        put_argument_words(out, command->arguments);
        fputs("\"", out);
    }
    fputs(" ;;\n        esac ;;\n", out);
}

void options_bash(FILE *out) {
    fputs("# bash completion for salestide\n" GENERATED
          "_salestide_words() { mapfile -t COMPREPLY < <(compgen -W \"$1\" -- \"$current\"); }\n"
          "_salestide_files() {\n"
          "    compopt -o filenames 2>/dev/null\n"
          "    mapfile -t COMPREPLY < <(compgen \"$1\" -- \"$current\")\n"
          "}\n"
          "_salestide() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    # --option=value comes as three words.\n"
          "    if [ \"$current\" = = ]; then\n"
          "        current=\n"
          "    elif [ \"$before\" = = ]; then\n"
          "        before=${COMP_WORDS[COMP_CWORD - 2]}\n"
          "    fi\n"
          "    COMPREPLY=()\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        _salestide_words \"",
          out);
    for (size_t i = 0; i < command_specs_count; i++) {
        fprintf(out, "%s ", command_specs[i].name);
    }
    fputs("help --help --version\"\n        return\n    fi\n    case ${COMP_WORDS[1]} in\n", out);
    for (size_t i = 0; i < command_specs_count; i++) {
        bash_command(&command_specs[i], out);
    }
    fputs("    help) _salestide_words \"", out);
    for (size_t i = 0; i < command_specs_count; i++) {
        fprintf(out, "%s%s", i > 0 ? " " : "", command_specs[i].name);
    }
    fputs("\" ;;\n    esac\n}\ncomplete -F _salestide salestide\n", out);
}

// --- zsh

static void zsh_option(const struct option_spec *spec, FILE *out) {
    fprintf(out, " \\\n            '%s--%s%s[", spec->type == OPTION_LIST ? "*" : "", spec->name,
            spec->type == OPTION_FLAG ? "" : "=");
    put_quoted(out, spec->help, "[]");
    fputc(']', out);
    if (spec->type != OPTION_FLAG) {
        fputc(':', out);
        put_quoted(out, spec->value, ":");
        switch (value_of(spec)) {
        case VALUE_OF_CHOICES:
            fprintf(out, ":(%s)", spec->choices);
            break;
        case VALUE_OF_FILES:
            fputs(":_files", out);
            break;
        case VALUE_OF_DIRECTORIES:
            fputs(":_files -/", out);
            break;
        default:
            fputs(": ", out);
            break;
        }
    }
    fputc('\'', out);
}

static void zsh_command(const struct command_spec *command, FILE *out) {
    fprintf(out, "    %s)\n        _arguments", command->name);
    for (size_t i = 0; i < option_specs_count; i++) {
        if (option_has_command(&option_specs[i], command->name)) {
            zsh_option(&option_specs[i], out);
        }
    }
    fputs(" \\\n            '--help[what it does and its options]'", out);
    if (takes_files(command)) {
        fputs(" \\\n            '*:file:_files'", out);
    } else if (command->arguments[0] != '\0') {
        fputs(" \\\n            '*:argument:(", out);
        put_argument_words(out, command->arguments);
        fputs(")'", out);
    }
    fputs(" ;;\n", out);
}

void options_zsh(FILE *out) {
    fputs("#compdef salestide\n" GENERATED "_salestide() {\n"
          "    local -a commands=(\n",
          out);
    for (size_t i = 0; i < command_specs_count; i++) {
        fprintf(out, "        '%s:", command_specs[i].name);
        put_quoted(out, command_specs[i].summary, "");
        fputs("'\n", out);
    }
    fputs("        'help:what a command does and its options'\n    )\n"
          "    if (( CURRENT == 2 )); then\n"
          "        _describe command commands\n"
          "        return\n    fi\n"
          "    local command=$words[2]\n"
          "    shift words\n"
          "    (( CURRENT-- ))\n"
          "    case $command in\n",
          out);
    for (size_t i = 0; i < command_specs_count; i++) {
        zsh_command(&command_specs[i], out);
    }
    fputs("    help) _describe command commands ;;\n    esac\n}\n"
          "if [ \"$funcstack[1]\" = _salestide ]; then\n    _salestide \"$@\"\nelse\n"
          "    compdef _salestide salestide\nfi\n",
          out);
}

// --- fish

static void fish_option(const struct option_spec *spec, FILE *out) {
    fprintf(out, "complete -c salestide -n '__fish_seen_subcommand_from %s' -l %s", spec->commands,
            spec->name);
    switch (spec->type == OPTION_FLAG ? VALUE_OF_NOTHING : value_of(spec)) {
    case VALUE_OF_CHOICES:
        fprintf(out, " -x -a '%s'", spec->choices);
        break;
    case VALUE_OF_FILES:
        fputs(" -r -F", out);
        break;
    case VALUE_OF_DIRECTORIES:
        fputs(" -x -a '(__fish_complete_directories)'", out);
        break;
    default:
        fputs(spec->type == OPTION_FLAG ? "" : " -x", out);
        break;
    }
    fputs(" -d '", out);
    put_quoted(out, spec->help, "\\");
    fputs("'\n", out);
}

static void fish_command(const struct command_spec *command, FILE *out) {
    fprintf(out, "complete -c salestide -n __fish_use_subcommand -a %s -d '", command->name);
    put_quoted(out, command->summary, "\\");
    fputs("'\n", out);
    if (takes_files(command)) {
        fprintf(out, "complete -c salestide -n '__fish_seen_subcommand_from %s' -F\n",
                command->name);
    } else if (command->arguments[0] != '\0') {
        fprintf(out, "complete -c salestide -n '__fish_seen_subcommand_from %s' -a '",
                command->name);
        put_argument_words(out, command->arguments);
        fputs("'\n", out);
    }
}

void options_fish(FILE *out) {
    fputs("# fish completion for salestide\n" GENERATED "complete -c salestide -f\n", out);
    for (size_t i = 0; i < command_specs_count; i++) {
        fish_command(&command_specs[i], out);
    }
    for (size_t i = 0; i < option_specs_count; i++) {
        fish_option(&option_specs[i], out);
    }
    fputs("complete -c salestide -l help -d 'what it does and its options'\n", out);
}
