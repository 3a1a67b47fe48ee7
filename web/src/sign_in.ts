// SPDX-License-Identifier: MIT
// Where keys are needed: the form that takes a read key in exchange for a cookie, and the way out. The key itself is
// kept nowhere.
import { byId, setText, show } from "./dom";
import type { State } from "./state";

const SAID: Record<number, string> = {
    401: "This key is not known here.",
    403: "This key sends orders. To look, a key of scope read is needed.",
    429: "Too many wrong keys: wait a few seconds.",
};

async function signIn(key: string): Promise<string | undefined> {
    try {
        const headers = { "Content-Type": "application/json" };
        const response = await fetch("login", { method: "POST", headers, body: JSON.stringify({ key }) });
        return response.ok ? undefined : (SAID[response.status] ?? `The server answered ${response.status}.`);
    } catch {
        return "The server does not answer.";
    }
}

/** Shows the form; what was on the page is not for whoever sees it now. */
export function askForKey(state: State | undefined): void {
    const dialog = byId("sign-in") as HTMLDialogElement;
    if (state !== undefined) {
        location.reload();
    } else if (!dialog.open) {
        dialog.showModal();
    }
}

export function setUpSignIn(onSignedIn: () => void): void {
    const dialog = byId("sign-in") as HTMLDialogElement;
    const [key, answer] = [byId("sign-in-key") as HTMLInputElement, byId("sign-in-answer")];
    const submit = byId("sign-in-submit") as HTMLButtonElement;
    dialog.addEventListener("cancel", (event) => event.preventDefault());
    byId("sign-in-form").addEventListener("submit", (event) => {
        event.preventDefault();
        submit.disabled = true;
        void signIn(key.value).then((problem) => {
            submit.disabled = false;
            setText(answer, problem ?? "");
            if (problem === undefined) {
                key.value = "";
                dialog.close();
                onSignedIn();
            } else {
                key.focus();
                key.select();
            }
        });
    });
    byId("sign-out").addEventListener("click", () => {
        void fetch("logout", { method: "POST" }).then(() => location.reload());
    });
}

export function drawSignOut({ health }: State): void {
    show(byId("sign-out"), health?.keys_required === true);
}
