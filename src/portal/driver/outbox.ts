/**
 * Acts on their way to the server. Each is kept on the phone from the moment that it is done until the server has answered, and is sent again, in
 * order, with the id that it was done under: the server carries it out once.
 */

import { DoorstepError, type Doorstep, type Problem } from "../client/index.ts";
import { AdvanceDocument } from "./documents.ts";
import { parsed } from "./kept.ts";
import type { Act, Done, Said } from "./work.ts";

const KEPT = "doorstep:driver-outbox";
const SHORTEST_WAIT = 1_000;
const LONGEST_WAIT = 30_000;

export interface Entry extends Done {
  /** WAITING to be sent, SENT and not yet in the route that is shown, or REFUSED. */
  state: "WAITING" | "SENT" | "REFUSED";
  problems: Problem[];
}

export class Outbox {
  entries: readonly Entry[] = read();
  readonly #listeners = new Set<() => void>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = SHORTEST_WAIT;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  snapshot = (): readonly Entry[] => this.entries;

  /** Notes an act that was done now. What was refused at the same stop is settled by it. */
  add(routeId: string, stopId: string, act: Act, said: Said): void {
    const done = { actId: crypto.randomUUID(), routeId, stopId, act, occurredAt: new Date().toISOString(), said };
    const others = this.entries.filter((entry) => entry.state !== "REFUSED" || entry.stopId !== stopId);
    this.#keep([...others, { ...done, state: "WAITING", problems: [] }]);
  }

  /** Drops a refused act, or puts it up to be sent again. */
  settle(actId: string, what: "drop" | "again"): void {
    const others = this.entries.filter((entry) => entry.actId !== actId || what === "again");
    this.#keep(others.map((entry) => (entry.actId === actId ? { ...entry, state: "WAITING", problems: [] } : entry)));
  }

  /** Forgets what the route that is shown holds by now. */
  forget(actIds: readonly string[]): void {
    if (actIds.length > 0) {
      this.#keep(this.entries.filter((entry) => !actIds.includes(entry.actId)));
    }
  }

  /** Sends what waits, first to last. `onSent` is told after each answer, `onEnd` when the token is not valid any more. */
  async send(doorstep: Doorstep, onSent: () => void, onEnd: () => void): Promise<void> {
    clearTimeout(this.#timer);
    const work = () => this.#sendAll(doorstep, onSent, onEnd);
    // Two tabs of one phone share the outbox: one sends at a time, and reads first what the other has left.
    await (navigator.locks === undefined ? work() : navigator.locks.request(KEPT, work));
  }

  stop(): void {
    clearTimeout(this.#timer);
  }

  async #sendAll(doorstep: Doorstep, onSent: () => void, onEnd: () => void): Promise<void> {
    this.#keep(read());
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      try {
        const { actId, stopId, act, occurredAt, said } = next;
        // Without routeVersion: what was done was done, also on a route that has changed since.
        const { advanceStop } = await doorstep.ask(AdvanceDocument, { input: { actId, stopId, act, occurredAt, ...said } });
        this.#answered(actId, advanceStop?.problems ?? []);
        this.#wait = SHORTEST_WAIT;
        onSent();
      } catch (error) {
        if (!(error instanceof DoorstepError)) {
          throw error;
        }
        if (error.code === "UNAUTHENTICATED") {
          onEnd();
          return;
        }
        if (error.passes) {
          const wait = Math.max(this.#wait, error.retryAfterMs);
          this.#wait = Math.min(this.#wait * 2, LONGEST_WAIT);
          this.#timer = setTimeout(() => void this.send(doorstep, onSent, onEnd), wait);
          return;
        }
        this.#answered(next.actId, [{ code: error.code, message: error.message }]);
      }
    }
  }

  #next(): Entry | undefined {
    return this.entries.find(({ state }) => state === "WAITING");
  }

  #answered(actId: string, problems: Problem[]): void {
    const state = problems.length > 0 ? ("REFUSED" as const) : ("SENT" as const);
    this.#keep(this.entries.map((entry) => (entry.actId === actId ? { ...entry, state, problems } : entry)));
  }

  #keep(entries: readonly Entry[]): void {
    this.entries = entries;
    localStorage.setItem(KEPT, JSON.stringify(entries));
    for (const listener of this.#listeners) {
      listener();
    }
  }
}

function read(): Entry[] {
  const found = parsed(localStorage.getItem(KEPT));
  return Array.isArray(found) ? (found as Entry[]) : [];
}
