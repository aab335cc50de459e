/** The event log as one endless stream: it keeps the cursor, and subscribes again with it after every interruption. */

import { DoorstepError } from "./errors.ts";

/** What a subscription to `events` must select; it may select more. */
export interface EventsAnswer {
  events: { kind: string; cursor: string };
}

export interface ResumeOptions<Variables> {
  /** The cursor of the last item that was dealt with, as kept from an earlier run; left out: from now on. */
  after?: string | null;
  /** The document's other variables, such as a filter. */
  variables?: Omit<Variables, "after">;
  /** Ends the stream without an error. */
  signal?: AbortSignal;
  /** Told about each interruption, before it is tried again. */
  onInterrupted?: (error: DoorstepError) => void;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 10_000;

/** Opens one subscription. */
export type Subscribe<Result, Variables> = (variables: Variables, signal?: AbortSignal) => AsyncIterable<Result>;

/**
 * Yields every item once and in the log's order, over lost connections and restarted servers.
 *
 * Keep `item.cursor` with what you made of the item, in one transaction if you can: with it as `after`, your next run
 * misses nothing and repeats nothing either. Throws what does not pass: a credential that ended (UNAUTHENTICATED), a
 * cursor from before the log's beginning (RESYNC_REQUIRED, with a fresh one in `extensions.cursor`), a bad document.
 */
export async function* resumeEvents<Result extends EventsAnswer, Variables>(
  subscribe: Subscribe<Result, Variables>,
  { after = null, variables, signal, onInterrupted }: ResumeOptions<Variables> = {},
): AsyncGenerator<Result["events"], void, void> {
  let cursor = after;
  let failures = 0;
  while (signal?.aborted !== true) {
    let asked = 0;
    try {
      for await (const { events } of subscribe({ ...variables, after: cursor } as Variables, signal)) {
        failures = 0;
        cursor = events.cursor;
        yield events;
      }
    } catch (error) {
      if (!(error instanceof DoorstepError) || !error.passes) {
        throw error;
      }
      asked = error.retryAfterMs;
      onInterrupted?.(error);
    }
    await pause(Math.max(asked, waitAfter(failures)), signal);
    failures += 1;
  }
}

/** Twice as long each time, and by chance up to half of it less, so that not all clients come back at once. */
function waitAfter(failures: number): number {
  return Math.min(FIRST_PAUSE_MS * 2 ** failures, LONGEST_PAUSE_MS) * (1 - Math.random() / 2);
}

async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  if (signal?.aborted === true) {
    return;
  }
  await new Promise<void>((resolve) => {
    const done = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, milliseconds);
    signal?.addEventListener("abort", done, { once: true });
  });
}
