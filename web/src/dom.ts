// SPDX-License-Identifier: MIT
// The few ways in which this page touches its document. Text goes in as text, never as HTML.

export function byId(id: string): HTMLElement {
    const element = document.getElementById(id);
    if (element === null) {
        throw new Error(`the page has no element #${id}`);
    }
    return element;
}

export function setText(element: Element, text: string): void {
    if (element.textContent !== text) {
        element.textContent = text;
    }
}

export function show(element: HTMLElement, visible: boolean): void {
    element.hidden = !visible;
}

export function make(tag: string, className: string, ...children: (Node | string)[]): HTMLElement {
    const element = document.createElement(tag);
    if (className !== "") {
        element.className = className;
    }
    element.append(...children);
    return element;
}

/**
 * Makes the rows of a table those of `items`, in their order: rows that stay are updated in place, so a
 * selection or a screen reader's position in them is not lost. True for a row that is new.
 */
export function setRows<Item>(
    body: HTMLElement,
    items: readonly Item[],
    key: (item: Item) => string,
    create: () => HTMLElement,
    update: (row: HTMLElement, item: Item, isNew: boolean) => void,
): void {
    const old = new Map<string, HTMLElement>();
    for (const row of Array.from(body.children) as HTMLElement[]) {
        old.set(row.dataset["key"] ?? "", row);
    }
    let at: Element | null = body.firstElementChild;
    for (const item of items) {
        const k = key(item);
        const known = old.get(k);
        const row = known ?? create();
        old.delete(k);
        row.dataset["key"] = k;
        update(row, item, known === undefined);
        if (row === at) {
            at = at.nextElementSibling;
        } else {
            body.insertBefore(row, at);
        }
    }
    for (const row of old.values()) {
        row.remove();
    }
}
