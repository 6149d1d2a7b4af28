// Writes dist/: what the package ships, one file for each entry, with the delivery engine inside, and its types.
import { execFileSync } from "node:child_process";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { build } from "esbuild";

const here = import.meta.dirname;
const dist = join(here, "dist");
rmSync(dist, { recursive: true, force: true });
const entry = (name, options) =>
  build({
    entryPoints: [join(here, "src", name)],
    outdir: dist,
    bundle: true,
    format: "esm",
    target: "es2020",
    jsx: "automatic",
    external: ["react", "react/jsx-runtime"],
    ...options,
  });
await entry("index.ts", { banner: { js: '"use client";' } });
await entry("server.ts");
const tsc = join(here, "../node_modules/typescript/bin/tsc");
execFileSync(process.execPath, [tsc, "-p", here], { stdio: "inherit" });
// Types of the modules that the entries show; those of the engine stay inside.
for (const name of ["index", "events", "event", "provider", "use-pageview", "use-sparklytics", "server", "visitor"]) {
  cpSync(join(dist, `declared/next/src/${name}.d.ts`), join(dist, `${name}.d.ts`));
}
cpSync(join(here, "../../LICENSE"), join(dist, "LICENSE"));
rmSync(join(dist, "declared"), { recursive: true });
