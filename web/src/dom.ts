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

export function make<Tag extends keyof HTMLElementTagNameMap>(
    tag: Tag,
    className: string,
    ...children: (Node | string)[]
): HTMLElementTagNameMap[Tag] {
    const element = document.createElement(tag);
    if (className !== "") {
        element.className = className;
    }
    element.append(...children);
    return element;
}

export function makeButton(className: string, text: string, onClick: () => void): HTMLButtonElement {
    const button = make("button", className, text);
    button.type = "button";
    button.addEventListener("click", onClick);
    return button;
}

// On a phone a row of a table is a card, which a browser takes for no table any more, and screen readers with it:
// so roles say what each part is.

/** label: what stands before it in a card, where no heading is above it; "": it speaks for itself */
export function makeCell(className: string, label: string, ...children: (Node | string)[]): HTMLTableCellElement {
    const cell = make("td", className, ...children);
    cell.setAttribute("role", "cell");
    if (label !== "") {
        cell.dataset["label"] = label;
    }
    return cell;
}

export function makeRow(...cells: HTMLTableCellElement[]): HTMLTableRowElement {
    const row = make("tr", "", ...cells);
    row.setAttribute("role", "row");
    return row;
}

export function makeHead(...cells: HTMLTableCellElement[]): HTMLTableSectionElement {
    const head = make("thead", "", makeRow(...cells));
    head.setAttribute("role", "rowgroup");
    return head;
}

export function makeTable(className: string, columns: readonly string[], body: HTMLElement): HTMLTableElement {
    const heads = columns.map((name) => {
        const head = make("th", "", name);
        head.setAttribute("role", "columnheader");
        return head;
    });
    const table = make("table", `cards ${className}`.trim(), makeHead(...heads), body);
    table.setAttribute("role", "table");
    body.setAttribute("role", "rowgroup");
    return table;
}

/** Its button closes a dialog, and so does a click beside it. */
export function setUpDialog(id: string): void {
    const dialog = byId(id) as HTMLDialogElement;
    byId(`${id}-close`).addEventListener("click", () => dialog.close());
    dialog.addEventListener("click", (event) => {
        if (event.target === dialog) {
            dialog.close();
        }
    });
}

export type Attributes = Record<string, string | number>;

export function makeSvg(tag: string, attributes: Attributes, ...children: (Node | string)[]): SVGElement {
    const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
    for (const [name, value] of Object.entries(attributes)) {
        element.setAttribute(name, String(value));
    }
    element.append(...children);
    return element;
}

/**
 * Makes the rows of a list those of `items`, in their order: rows that stay are updated in place, so a
 * selection, the focus or a screen reader's position in them is not lost. True for a row that is new.
 */
export function setRows<Item>(
    body: Element,
    items: readonly Item[],
    key: (item: Item) => string,
    create: (item: Item) => HTMLElement,
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
        const row = known ?? create(item);
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
