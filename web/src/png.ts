// SPDX-License-Identifier: MIT
// Saves a drawing as a picture. Its looks come from the page's style sheet, which a picture does not have, so
// they are written into a copy first: as attributes of their own, since the page's policy lets no style attribute be.

const LOOKS = ["fill", "stroke", "stroke-width", "stroke-dasharray", "stroke-linejoin", "opacity", "font-size", "font-family", "font-weight"];

export function savePng(svg: SVGElement, name: string): void {
    const { width, height } = svg.getBoundingClientRect();
    const copy = svg.cloneNode(true) as SVGElement;
    const originals = [svg, ...svg.querySelectorAll<SVGElement>("*")];
    [copy, ...copy.querySelectorAll<SVGElement>("*")].forEach((element, i) => {
        const style = getComputedStyle(originals[i]!);
        LOOKS.forEach((look) => element.setAttribute(look, style.getPropertyValue(look)));
    });
    copy.setAttribute("width", String(width));
    copy.setAttribute("height", String(height));
    const picture = new Image();
    picture.addEventListener("load", () => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [2 * width, 2 * height];
        const context = canvas.getContext("2d");
        if (context === null) {
            return;
        }
        context.scale(2, 2);
        context.fillStyle = getComputedStyle(document.body).backgroundColor;
        context.fillRect(0, 0, width, height);
        context.drawImage(picture, 0, 0, width, height);
        const link = document.createElement("a");
        link.download = name;
        link.href = canvas.toDataURL("image/png");
        link.click();
    });
    picture.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(new XMLSerializer().serializeToString(copy))}`;
}
