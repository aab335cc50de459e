// graphql-inspector: `node diff.mjs OLD NEW` prints the changes that break clients, as JSON.
import { readFileSync } from "node:fs";
import { DiffRule, diff } from "@graphql-inspector/core";
import { buildSchema } from "graphql";

const [before, after] = process.argv.slice(2).map((path) => buildSchema(readFileSync(path, "utf8")));
const changes = await diff(before, after, [DiffRule.simplifyChanges]);
const breaking = changes.filter(
  // Price tags (@cost, @listSize) tell prices; a document that was right stays right.
  ({ criticality, type }) => criticality.level === "BREAKING" && !type.startsWith("DIRECTIVE_USAGE"),
);
console.log(JSON.stringify(breaking.map(({ path, message, type }) => ({ path: path ?? message, message, type }))));
