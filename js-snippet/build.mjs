// Builds the scripts in dist from those in src. With --check it only proves that the files in dist
// are what the sources give, and that they are as small as promised.
import { readFileSync, writeFileSync } from "node:fs";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { minify } from "terser";

// The script is a classic one; the file for ads is a module, which the script imports.
const SCRIPTS = [
  { source: "src/footfall.ts", output: "dist/footfall.js", format: "iife", gzipBytesMax: 1500 },
  { source: "src/ads.ts", output: "dist/footfall-ads.js", format: "esm", gzipBytesMax: 2048 },
];

let failed = false;
for (const { source, output, format, gzipBytesMax } of SCRIPTS) {
  const { outputFiles } = await build({
    entryPoints: [source],
    bundle: true,
    format,
    target: "es2020",
    minify: true,
    charset: "ascii",
    // Otherwise the compiler's options add a "use strict" that nothing in the scripts needs.
    tsconfigRaw: "{}",
    write: false,
  });
  // esbuild names things better, terser finds shorter ways to say them: together a few bytes less.
  const { code } = await minify(outputFiles[0].text, {
    module: format == "esm",
    ecma: 2020,
    compress: { passes: 4 },
    format: { ascii_only: true },
  });
  const made = Buffer.from(code);
  const gzipped = gzipSync(made, { level: 9 }).length;
  console.log(`${output}: ${made.length} bytes, ${gzipped} gzipped (limit ${gzipBytesMax})`);
  if (gzipped >= gzipBytesMax) {
    failed = true;
    console.error(`${output} is too large`);
  }
  if (!process.argv.includes("--check")) writeFileSync(output, made);
  else if (!made.equals(readFileSync(output))) {
    failed = true;
    console.error(`${output} is not what src gives: run "npm run build" and commit it`);
  }
}
process.exitCode = failed ? 1 : 0;
