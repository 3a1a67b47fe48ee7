// SPDX-License-Identifier: MIT
// The form of one rule of alerts: a field for each part of its sentence, and the sentence itself as it will stand in
// the file.
import { exampleOf, KINDS, WHATS, wordsOf, type AlertRule, type What } from "./alert_rule";
import { make, makeButton, setText } from "./dom";

export interface NamedRule {
    name: string;
    rule: AlertRule;
}
/** Which part is wrong, as the server names it, and what it says. */
export interface Complaint {
    part: string | undefined;
    said: string;
}

type Field = "limit" | "window" | "for" | "clear" | "clear_for";

function labelled(text: string, ...fields: HTMLElement[]): HTMLElement {
    return make("label", "", make("span", "muted", text), ...fields);
}

function textField(value: string, part: string): HTMLInputElement {
    const input = make("input", "");
    input.type = "text";
    input.autocomplete = "off";
    input.spellcheck = false;
    input.value = value;
    input.dataset["part"] = part;
    return input;
}

function selectOf(options: readonly (readonly [value: string, text: string])[], value: string, part: string): HTMLSelectElement {
    const select = make("select", "");
    select.append(...options.map(([each, text]) => new Option(text, each)));
    select.value = value;
    select.dataset["part"] = part;
    return select;
}

/** `whats`: what can be watched here. `save` says what was wrong, or nothing when it is saved. */
export function alertForm(
    edited: NamedRule | undefined,
    whats: readonly What[],
    save: (name: string, words: string) => Promise<Complaint | undefined>,
    cancel: () => void,
): HTMLFormElement {
    let rule = edited?.rule ?? exampleOf(whats[0] ?? "orders");
    const name = textField(edited?.name ?? "", "name");
    name.required = true;
    name.pattern = "[A-Za-z0-9_\\-]{1,40}";
    name.title = "1 to 40 letters, digits, - and _";
    const known = WHATS.filter((each) => whats.includes(each) || each === rule.what);
    const what = selectOf(known.map((each) => [each, KINDS[each].label]), rule.what, "what");
    const [fields, sentence, answer] = [make("div", "fields"), make("code", ""), make("p", "answer")];
    answer.setAttribute("role", "status");
    const submit = make("button", "action", "Save");
    const form = make("form", "rule", fields, make("p", "sentence", sentence), make("div", "tabs", submit, makeButton("quiet", "Cancel", cancel)), answer);

    const tell = (): void => setText(sentence, `${name.value.trim() || "…"} = ${wordsOf(rule)}`);
    const field = (label: string, part: Field, unit: string, fallback: string | undefined): HTMLElement => {
        const input = textField(rule[part], part);
        input.required = part === "limit";
        input.placeholder = fallback ?? "";
        input.addEventListener("input", () => {
            rule = { ...rule, [part]: input.value };
            tell();
        });
        return labelled(label, make("span", "value-of", input, ...(unit === "" ? [] : [make("span", "muted", unit)])));
    };
    const direction = (): HTMLElement => {
        const select = selectOf([["under", "under"], ["over", "over"]], rule.direction, "direction");
        select.addEventListener("change", () => {
            rule = { ...rule, direction: select.value as AlertRule["direction"] };
            draw();
            form.querySelector<HTMLElement>("[data-part=direction]")?.focus();
        });
        return labelled("Fires", select);
    };
    /** The fields that this kind of rule has. */
    const draw = (): void => {
        const kind = KINDS[rule.what];
        const turned = kind.may_be_under && rule.direction === "under" ? "over" : "under";
        const shown = [labelled("Name", name), labelled("Watch", what)];
        if (rule.what === "silence") {
            shown.push(field("For", "limit", "", "30m"), field("Clears after", "clear_for", "of orders", "at once"));
        } else {
            shown.push(...(kind.may_be_under ? [direction()] : []), field(kind.may_be_under ? "Limit" : "Fires over", "limit", kind.unit, ""));
            shown.push(...(kind.window === undefined ? [] : [field("In the last", "window", "", kind.window)]));
            shown.push(field("For at least", "for", "", kind.for), field(`Clears ${turned}`, "clear", kind.unit.split(" ")[0]!, rule.limit));
            shown.push(field("And for", "clear_for", "", rule.for || kind.for));
        }
        fields.replaceChildren(...shown);
        tell();
    };
    const mark = (complaint: Complaint | undefined): void => {
        for (const input of fields.querySelectorAll<HTMLElement>("[data-part]")) {
            const wrong = complaint !== undefined && input.dataset["part"] === complaint.part;
            input.setAttribute("aria-invalid", String(wrong));
            if (wrong) {
                input.focus();
            }
        }
        setText(answer, complaint?.said ?? "");
    };
    name.addEventListener("input", tell);
    what.addEventListener("change", () => {
        rule = exampleOf(what.value as What);
        draw();
        what.focus();
    });
    form.addEventListener("submit", (event) => {
        event.preventDefault();
        submit.disabled = true;
        setText(answer, "Saving …");
        void save(name.value.trim(), wordsOf(rule)).then((complaint) => {
            submit.disabled = false;
            mark(complaint);
        });
    });
    draw();
    return form;
}
