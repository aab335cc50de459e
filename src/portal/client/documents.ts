/** What generate.mjs makes of an operation: its text, with the types of its variables and of its answer. */

import type { DocumentTypeDecoration } from "@graphql-typed-document-node/core";

export interface TypedDocument<Result, Variables> extends DocumentTypeDecoration<Result, Variables> {
  toString(): string;
}

/** The second argument of a call: left out where a document has no variables that it needs. */
export type VariablesOf<Variables> = Record<string, never> extends Variables
  ? [variables?: Variables]
  : [variables: Variables];
