// SPDX-License-Identifier: MIT
// The key that changes something: typed once where one is needed, kept as long as the page and nowhere else.
import { make } from "./dom";
import type { Health } from "./types";

let key = "";

/** The field for it; none where no key is needed. */
export function keyField(health: Health | undefined): HTMLElement[] {
    if (health?.keys_required !== true) {
        return [];
    }
    const input = make("input", "");
    input.type = "password";
    input.autocomplete = "off";
    input.value = key;
    input.addEventListener("input", () => (key = input.value.trim()));
    return [make("label", "", "Ingest key ", input)];
}

export function withKey(headers: Record<string, string>): Record<string, string> {
    return key === "" ? headers : { ...headers, Authorization: `Bearer ${key}` };
}
