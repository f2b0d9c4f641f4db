// Makes uap-core.json and crawlers.json anew from their npm packages:
//
//   npm install --prefix /tmp/lists uap-core js-yaml crawler-user-agents
//   node update.mjs /tmp/lists/node_modules
//
// Only what the server uses is kept: browser and system patterns (not the thousand device models),
// and of each crawler its pattern and a name made from it.
import { readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join, resolve } from "node:path";

const modules = resolve(process.argv[2] ?? "node_modules");
const require = createRequire(join(modules, "x.js"));
const version = (name) => require(join(modules, name, "package.json")).version;
const write = (file, value) =>
  writeFileSync(join(import.meta.dirname, file), JSON.stringify(value, null, 1) + "\n");

const uap = require("js-yaml").load(readFileSync(join(modules, "uap-core/regexes.yaml"), "utf8"));
write("uap-core.json", {
  version: version("uap-core"),
  user_agent_parsers: uap.user_agent_parsers,
  os_parsers: uap.os_parsers,
  device_parsers: [],
});

const nameOf = (pattern) =>
  pattern
    .replace(/\[(\w)\w\]/g, "$1") // [Gg]ooglebot
    .replace(/\\[dwsb][+*]?/g, "")
    .replace(/\(\?:|[\\^$()[\]|?*+]/g, "")
    .replace(/^[\s/.;:-]+|[\s/.;:-]+$/g, "");
write("crawlers.json", {
  version: version("crawler-user-agents"),
  crawlers: require("crawler-user-agents").map(({ pattern }) => ({
    regex: pattern,
    family_replacement: nameOf(pattern) || "bot",
  })),
});
