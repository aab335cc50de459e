/** The order behind the link as React state: followed over a socket, which is opened again for as long as the link is good. */

import { useEffect, useState } from "react";

import { Doorstep, DoorstepError } from "../client/index.ts";
import { asDoorstepError } from "../portal/asking.ts";
import { FollowDocument, LookDocument, type ShownFragment } from "./documents.ts";

const AGAIN_AFTER_MS = 1_000;
const AGAIN_AT_MOST_MS = 30_000;

/** `over`: the link is not good, or not any more; nothing is tried again. */
export type Link = "connecting" | "live" | "interrupted" | "over";

export interface Following {
  order: ShownFragment | null;
  link: Link;
}

/** The token of the link; empty without one. */
export function readToken(): string {
  return window.location.hash.slice(1);
}

export function useFollowing(token: string): Following {
  const [following, setFollowing] = useState<Following>({ order: null, link: "connecting" });
  useEffect(() => {
    const leaving = new AbortController();
    const doorstep = new Doorstep({ url: window.location.origin, token });
    const tell = (link: Link, order?: ShownFragment | null) => {
      if (!leaving.signal.aborted) {
        setFollowing((before) => ({ link, order: link === "over" ? null : (order ?? before.order) }));
      }
    };
    void follow(doorstep, leaving.signal, tell);
    return () => {
      leaving.abort();
      void doorstep.close();
    };
  }, [token]);
  return following;
}

async function follow(
  doorstep: Doorstep,
  leaving: AbortSignal,
  tell: (link: Link, order?: ShownFragment | null) => void,
): Promise<void> {
  for (let failures = 0; !leaving.aborted; failures += 1) {
    try {
      // Asked once by HTTP: a browser is not told why a socket was refused, and a link that is over must not be tried again.
      tell("live", (await doorstep.ask(LookDocument)).tracking);
      for await (const { tracking } of doorstep.subscribe(FollowDocument, {}, leaving)) {
        failures = 0;
        tell("live", tracking);
      }
    } catch (reason) {
      const error = asDoorstepError(reason);
      if (isFinal(error)) {
        tell("over");
        return;
      }
    }
    tell("interrupted");
    await rest(Math.min(AGAIN_AFTER_MS * 2 ** failures, AGAIN_AT_MOST_MS) * (0.5 + Math.random()), leaving);
  }
}

function isFinal({ code }: DoorstepError): boolean {
  return code === "UNAUTHENTICATED" || code === "FORBIDDEN";
}

/** So many milliseconds, or until the network is back, or the page is left. */
function rest(milliseconds: number, leaving: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = new AbortController();
    const end = () => {
      clearTimeout(timer);
      over.abort();
      resolve();
    };
    const timer = setTimeout(end, milliseconds);
    leaving.addEventListener("abort", end, { once: true, signal: over.signal });
    window.addEventListener("online", end, { once: true, signal: over.signal });
  });
}
