/** The one subscription of the page: it resumes by cursor, and tells every part what happened. */

import { createContext, useContext, useEffect, useEffectEvent, useState } from "react";

import type { Doorstep, DoorstepError } from "../client/index.ts";
import { asDoorstepError } from "./asking.ts";
import { LiveDocument, type LiveSubscription } from "./documents.ts";

export type LiveEvent = NonNullable<LiveSubscription["events"]["event"]>;
/** `off`: the token may not see events, or the stream ended for good; the page works on without it. */
export type LiveState = "connecting" | "live" | "interrupted" | "off";

type Listener = (event: LiveEvent) => void;

export interface Live {
  state: LiveState;
  listeners: Set<Listener>;
}

/** Follows the log while the component is there. */
export function useLive(doorstep: Doorstep, onError: (error: DoorstepError) => void): Live {
  const [state, setState] = useState<LiveState>("connecting");
  const [listeners] = useState(() => new Set<Listener>());
  const complain = useEffectEvent(onError);

  useEffect(() => {
    const leaving = new AbortController();
    const follow = async () => {
      const items = doorstep.resumeEvents(LiveDocument, {
        signal: leaving.signal,
        onInterrupted: () => setState("interrupted"),
      });
      for await (const { kind, event } of items) {
        if (kind === "CAUGHT_UP") {
          setState("live");
        } else if (event !== null) {
          listeners.forEach((listener) => listener(event));
        }
      }
    };
    follow().catch((reason: unknown) => {
      setState("off");
      complain(asDoorstepError(reason));
    });
    return () => leaving.abort();
  }, [doorstep, listeners]);
  return { state, listeners };
}

export const LiveContext = createContext<Live>({ state: "off", listeners: new Set() });

/** Calls `onEvent` with each event, and `onLive` when the stream begins: what was asked before may be old by then. */
export function useEvents(onEvent: Listener, onLive: () => void): void {
  const { state, listeners } = useContext(LiveContext);
  const hear = useEffectEvent(onEvent);
  const begin = useEffectEvent(onLive);
  useEffect(() => {
    const listener: Listener = (event) => hear(event);
    listeners.add(listener);
    return () => void listeners.delete(listener);
  }, [listeners]);
  useEffect(() => {
    if (state === "live") {
      begin();
    }
  }, [state]);
}
