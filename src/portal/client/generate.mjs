/**
 * Makes typed documents with graphql-codegen: `node generate.mjs SCHEMA DOCUMENTS OUTPUT`.
 *
 * For each operation of DOCUMENTS (.graphql) the output holds the types of its variables and of its answer, and the
 * document as text that carries both. Only types that the documents use are written. Nothing is fetched.
 */

import { readFile, writeFile } from "node:fs/promises";

import { codegen } from "@graphql-codegen/core";
import * as typedDocuments from "@graphql-codegen/typed-document-node";
import * as operations from "@graphql-codegen/typescript-operations";
import { parse } from "graphql";

const TEXT_ID = { input: "string", output: "string" };

const SCALARS = {
  CountryCode: "string",
  CurrencyCode: "string",
  Cursor: "string",
  Date: "string",
  DateTime: "string",
  EmailAddress: "string",
  ID: TEXT_ID,
  JSONObject: "Record<string, unknown>",
  Long: "number",
  PhoneNumber: "string",
  Polyline: "string",
  TimeZone: "string",
  URL: "string",
};

const CONFIG = {
  scalars: SCALARS,
  strictScalars: true,
  enumType: "string-literal",
  documentMode: "string",
  dedupeFragments: true,
  useTypeImports: true,
};

async function generate(schemaFile, documentsFile, outputFile) {
  const [schema, documents] = await Promise.all([schemaFile, documentsFile].map((file) => readFile(file, "utf-8")));
  const text = await codegen({
    filename: outputFile,
    schema: parse(schema),
    documents: [{ location: documentsFile, document: parse(documents) }],
    config: CONFIG,
    plugins: [{ operations: {} }, { typedDocuments: {} }],
    pluginMap: { operations, typedDocuments },
  });
  await writeFile(outputFile, text);
}

const [schemaFile, documentsFile, outputFile] = process.argv.slice(2);
if (outputFile === undefined) {
  console.error("usage: node generate.mjs SCHEMA DOCUMENTS OUTPUT");
  process.exit(2);
}
await generate(schemaFile, documentsFile, outputFile);
