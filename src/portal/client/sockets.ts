/** Subscriptions over graphql-transport-ws: one socket for all of them, opened with the first. */

import { createClient, type Client } from "graphql-ws";

import { DoorstepError, fromClose, fromErrors } from "./errors.ts";

const PING_EVERY_MS = 10_000;
const PONG_WITHIN_MS = 5_000;

/** A socket that never reconnects by itself: only whoever holds the cursor knows where to go on. */
export function openSockets(url: string, authorize: () => Promise<Record<string, string>>): Client {
  let overdue: ReturnType<typeof setTimeout> | undefined;
  const client = createClient({
    url,
    lazy: true,
    retryAttempts: 0,
    connectionParams: authorize,
    // A connection that only one end has lost stays silent for ever; a ping without an answer finds it out.
    keepAlive: PING_EVERY_MS,
    on: {
      ping: (received) => {
        if (!received) {
          overdue = setTimeout(() => client.terminate(), PONG_WITHIN_MS);
        }
      },
      pong: () => clearTimeout(overdue),
      closed: () => clearTimeout(overdue),
    },
  });
  return client;
}

/** What a subscription yields until the server completes it, `signal` aborts it, or an error is thrown. */
export async function* subscribe<Result>(
  client: Client,
  query: string,
  variables: Record<string, unknown>,
  signal?: AbortSignal,
): AsyncGenerator<Result, void, void> {
  const waiting: Result[] = [];
  let failure: DoorstepError | undefined;
  let over = false;
  let wake = () => {};
  const end = (error?: DoorstepError) => {
    failure ??= error;
    over = true;
    wake();
  };
  const stop = client.subscribe<Result>(
    { query, variables },
    {
      next: ({ data, errors }) => {
        if (errors !== undefined || data === null || data === undefined) {
          end(fromErrors(errors ?? []));
        } else {
          waiting.push(data);
          wake();
        }
      },
      error: (error) => end(understood(error)),
      complete: () => end(),
    },
  );
  const abort = () => end();
  signal?.addEventListener("abort", abort, { once: true });
  try {
    while (signal?.aborted !== true) {
      const item = waiting.shift();
      if (item !== undefined) {
        yield item;
      } else if (failure !== undefined) {
        throw failure;
      } else if (over) {
        return;
      } else {
        await new Promise<void>((resolve) => (wake = resolve));
      }
    }
  } finally {
    signal?.removeEventListener("abort", abort);
    stop();
  }
}

/** graphql-ws hands over GraphQL errors, an event of the closed socket, or whatever stopped it from connecting. */
function understood(error: unknown): DoorstepError {
  if (error instanceof DoorstepError) {
    return error;
  }
  if (Array.isArray(error)) {
    return fromErrors(error);
  }
  if (typeof error === "object" && error !== null && "code" in error && typeof error.code === "number") {
    return fromClose(error.code, "reason" in error && typeof error.reason === "string" ? error.reason : "");
  }
  return new DoorstepError("UNAVAILABLE", "The server could not be reached", {}, error);
}
