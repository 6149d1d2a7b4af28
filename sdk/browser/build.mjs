// Writes s.js and its packed forms into a folder (dist, or the first argument), and fails where it is too large.
import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import { build } from "esbuild";

const MOST_BYTES = 3_000;

const here = import.meta.dirname;
const folder = process.argv[2] ?? join(here, "dist");
const { outputFiles } = await build({
  entryPoints: [join(here, "src/script.ts")],
  bundle: true,
  minify: true,
  write: false,
  format: "iife",
  target: "es2021",
  // Else it begins with "use strict", 13 bytes that change nothing here.
  tsconfigRaw: {},
  legalComments: "none",
});
const script = outputFiles[0].contents;
const gzipped = gzipSync(script, { level: 9 });
const brotli = brotliCompressSync(script, {
  params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: script.length },
});
console.log(`s.js: ${script.length} bytes, ${gzipped.length} gzipped (at most ${MOST_BYTES}), ${brotli.length} in brotli`);
if (gzipped.length > MOST_BYTES) {
  console.error(`s.js is ${gzipped.length - MOST_BYTES} bytes too large`);
  process.exit(1);
}
mkdirSync(folder, { recursive: true });
// The script comes last: whoever finds it finds its packed forms as well.
for (const [name, bytes] of [["s.js.gz", gzipped], ["s.js.br", brotli], ["s.js", script]]) {
  const unfinished = join(folder, `${name}.new`);
  writeFileSync(unfinished, bytes);
  renameSync(unfinished, join(folder, name));
}
