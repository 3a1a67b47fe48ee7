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

const assets = [
    ["/", "text/html; charset=utf-8", file("index.html")],
    ["/app.js", "text/javascript; charset=utf-8", await bundle("src/main.ts")],
    ["/app.css", "text/css; charset=utf-8", await bundle("src/app.css")],
    ["/favicon.svg", "image/svg+xml", file("favicon.svg")],
];

function bytes(data) {
    const lines = [];
    for (let i = 0; i < data.length; i += 32) {
        lines.push([...data.subarray(i, i + 32)].join(","));
    }
    return lines.join(",\n");
}

const arrays = [];
const rows = [];
assets.forEach(([path, type, content], i) => {
    const packed = gzipSync(content, { level: 9 });
    packed[9] = 255; // "operating system unknown": the same on all of them
    const etag = createHash("sha256").update(content).digest("hex").slice(0, 16);
    arrays.push(`// ${path}: ${content.length} bytes unpacked\nstatic const unsigned char asset_${i}[] = {\n${bytes(packed)}};\n`);
    rows.push(`    {"${path}", "${type}", "\\"${etag}\\"", asset_${i}, sizeof asset_${i}},`);
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
