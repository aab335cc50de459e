/**
 * Doorstep's TypeScript client: typed questions over HTTP, typed streams over WebSocket, events that resume by cursor.
 *
 * Types come from documents: write yours in a .graphql file and run generate.mjs on it. The client runs in browsers and
 * in Node from version 22 on.
 */

import type { Client } from "graphql-ws";

import type { TypedDocument, VariablesOf } from "./documents.ts";
import { DoorstepError, fromErrors } from "./errors.ts";
import { resumeEvents, type EventsAnswer, type ResumeOptions } from "./resume.ts";
import { openSockets, subscribe } from "./sockets.ts";

export { DoorstepError, Refused, accepted, type Problem } from "./errors.ts";
export type { TypedDocument } from "./documents.ts";
export type { EventsAnswer, ResumeOptions } from "./resume.ts";

export interface Access {
  /** Where the server is, such as `https://doorstep.example.com`. */
  url: string;
  /** An API key or a token, or what gives the present one: it is asked for at each request and each connection. */
  token: string | (() => string | Promise<string>);
}

interface Answer<Result> {
  data?: Result | null;
  errors?: { message: string; extensions?: unknown }[];
}

export class Doorstep {
  readonly #address: URL;
  readonly #token: Access["token"];
  readonly #sockets: Client;

  constructor({ url, token }: Access) {
    this.#address = new URL("/graphql", url);
    this.#token = token;
    const socket = new URL(this.#address);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    this.#sockets = openSockets(socket.href, () => this.#credentials());
  }

  /** Asks a query or carries a mutation out. Throws DoorstepError; refusals of a mutation are `problems` in its payload. */
  async ask<Result, Variables>(
    document: TypedDocument<Result, Variables>,
    ...[variables]: VariablesOf<Variables>
  ): Promise<Result> {
    const { data, errors } = await this.#post<Result>({ query: document.toString(), variables: variables ?? {} });
    if (errors !== undefined || data === null || data === undefined) {
      throw fromErrors(errors ?? []);
    }
    return data;
  }

  /** What a subscription yields, until it ends; an interruption is thrown as UNAVAILABLE. */
  subscribe<Result, Variables extends Record<string, unknown>>(
    document: TypedDocument<Result, Variables>,
    variables: Variables,
    signal?: AbortSignal,
  ): AsyncGenerator<Result, void, void> {
    return subscribe(this.#sockets, document.toString(), variables, signal);
  }

  /** The items of a subscription to `events`, each once and in order, over any interruption: see resume.ts. */
  resumeEvents<Result extends EventsAnswer, Variables extends { after?: string | null | undefined }>(
    document: TypedDocument<Result, Variables>,
    options: ResumeOptions<Variables> = {},
  ): AsyncGenerator<Result["events"], void, void> {
    return resumeEvents((variables: Variables, signal) => this.subscribe(document, variables, signal), options);
  }

  /** Closes the socket, if there is one. */
  async close(): Promise<void> {
    await this.#sockets.dispose();
  }

  async #post<Result>(body: object): Promise<Answer<Result>> {
    try {
      const answer = await fetch(this.#address, {
        method: "POST",
        headers: {
          accept: "application/graphql-response+json",
          "content-type": "application/json",
          ...(await this.#credentials()),
        },
        body: JSON.stringify(body),
      });
      return (await answer.json()) as Answer<Result>;
    } catch (error) {
      // No answer, or one that is not the API's own, such as the page of a proxy that found nobody behind it.
      throw new DoorstepError("UNAVAILABLE", "The server could not be reached", {}, error);
    }
  }

  /** HTTP headers, and under the same names the payload of connection_init. */
  async #credentials(): Promise<Record<string, string>> {
    const token = typeof this.#token === "string" ? this.#token : await this.#token();
    return { Authorization: `Bearer ${token}` };
  }
}
