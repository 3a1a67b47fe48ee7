// SPDX-License-Identifier: MIT
// Bundles the page and writes it as a C file of gzip-compressed arrays (src/live/web_asset.h).
// The same input gives the same output: nothing of the machine or the hour goes in.
// usage: node build.mjs OUT.c
import * as esbuild from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const out = process.argv[2];
if (out === undefined) {
    console.error("usage: node build.mjs OUT.c");
    process.exit(2);
}

async function bundle(entry) {
    const result = await esbuild.build({
        absWorkingDir: here,
        entryPoints: [entry],
        bundle: true,
        minify: true,
        format: "iife",
        target: ["chrome111", "firefox116", "safari16.4"],
        logLevel: "warning",
        write: false,
    });
    return Buffer.from(result.outputFiles[0].contents);
}

function file(name) {
    return readFileSync(join(here, "src", name));
}

/** The page as one file, so that nothing is to be fetched before it draws; scripts and styles that its policy allows by their hash. */
async function page() {
    const hashes = { script: [], style: [] };
    let html = file("index.html").toString();
    for (const [place, tag, entry] of html.matchAll(/<(script|style)>([a-z_]+\.(?:ts|css))<\/\1>/g)) {
        const text = (await bundle(`src/${entry}`)).toString().trim();
        if (/<\/(script|style)|<!--|\r/i.test(text)) {
            throw new Error(`${entry} has what would end its place in the page`);
        }
        hashes[tag].push(`'sha256-${createHash("sha256").update(text).digest("base64")}'`);
        html = html.replace(place, () => `<${tag}>${text}</${tag}>`);
    }
    return ["/", "text/html; charset=utf-8", Buffer.from(html), hashes.script.join(" "), hashes.style.join(" ")];
}

const assets = [await page(), ["/favicon.svg", "image/svg+xml", file("favicon.svg"), "'none'", "'none'"]];

function bytes(data) {
    const lines = [];
    for (let i = 0; i < data.length; i += 32) {
        lines.push([...data.subarray(i, i + 32)].join(","));
    }
    return lines.join(",\n");
}

const arrays = [];
const rows = [];
assets.forEach(([path, type, content, scripts, styles], i) => {
    const packed = gzipSync(content, { level: 9 });
    packed[9] = 255; // "operating system unknown": the same on all of them
    const etag = createHash("sha256").update(content).digest("hex").slice(0, 16);
    arrays.push(`// ${path}: ${content.length} bytes unpacked\nstatic const unsigned char asset_${i}[] = {\n${bytes(packed)}};\n`);
    rows.push(`    {"${path}", "${type}", "\\"${etag}\\"", asset_${i}, sizeof asset_${i},\n     "${scripts}",\n     "${styles}"},`);
    console.log(`${path.padEnd(14)} ${String(content.length).padStart(7)} bytes, ${String(packed.length).padStart(6)} packed`);
});

mkdirSync(dirname(out), { recursive: true });
writeFileSync(
    `${out}.new`,
    `// SPDX-License-Identifier: MIT
// Generated from web/ by scripts/build-web.sh.
#include "live/web_asset.h"

${arrays.join("\n")}
const struct web_asset web_assets[] = {
${rows.join("\n")}
};
const size_t web_assets_count = sizeof web_assets / sizeof web_assets[0];
`,
);
renameSync(`${out}.new`, out);
