// Builds dist/footfall.js from src/footfall.ts. With --check it only proves that the file in dist is
// what the source gives, and that it is as small as promised.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const GZIP_BYTES_MAX = 1500;
const OUTPUT = "dist/footfall.js";

const { outputFiles } = await build({
  entryPoints: ["src/footfall.ts"],
  bundle: true,
  format: "iife",
  target: "es2020",
  minify: true,
  charset: "ascii",
  // Otherwise the compiler's options add a "use strict" that nothing in the script needs.
  tsconfigRaw: "{}",
  write: false,
});
const made = Buffer.from(outputFiles[0].contents);
const gzipped = gzipSync(made, { level: 9 }).length;
console.log(`${OUTPUT}: ${made.length} bytes, ${gzipped} gzipped (limit ${GZIP_BYTES_MAX})`);
let failed = gzipped >= GZIP_BYTES_MAX;
if (failed) console.error(`${OUTPUT} is too large`);
if (process.argv.includes("--check")) {
  if (!made.equals(readFileSync(OUTPUT))) {
    failed = true;
    console.error(`${OUTPUT} is not what src gives: run "npm run build" and commit it`);
  }
} else {
  writeFileSync(OUTPUT, made);
}
process.exitCode = failed ? 1 : 0;
