/** The signed-in page: orders with the timeline of one of them, or the map of routes. */

import { useCallback, useMemo, useState } from "react";

import type { Doorstep } from "../client/index.ts";
import { useAsked } from "./asking.ts";
import { ViewerDocument } from "./documents.ts";
import { LiveContext, useLive, type LiveState } from "./live.ts";
import { Orders } from "./orders.tsx";
import { Failure, TOKEN_ENDED } from "./parts.tsx";
import { RouteMap } from "./route_map.tsx";
import { Timeline } from "./timeline.tsx";
import { clockOf } from "./words.ts";

const LIVE_WORDS: Record<LiveState, string> = {
  connecting: "Connecting…",
  live: "Live",
  interrupted: "Connection lost, trying again…",
  off: "Not live: this token may not see events",
};

interface DeskProps {
  doorstep: Doorstep;
  onSignOut: (reason: string) => void;
}

export function Desk({ doorstep, onSignOut }: DeskProps) {
  const [view, setView] = useState<"orders" | "map">("orders");
  const [chosen, setChosen] = useState<string | null>(null);
  const live = useLive(doorstep, (error) => error.code === "UNAUTHENTICATED" && onSignOut(TOKEN_ENDED));
  const { answer, error, again } = useAsked(useCallback(() => doorstep.ask(ViewerDocument), [doorstep]));
  const tenant = answer?.viewer?.tenant;
  const clock = useMemo(() => clockOf(tenant?.timeZone ?? "UTC"), [tenant?.timeZone]);

  if (tenant === undefined) {
    return <main className="waiting">{error ? <Failure error={error} onAgain={again} /> : <p role="status">Loading…</p>}</main>;
  }
  return (
    <LiveContext value={live}>
      <header className="bar">
        <strong>{tenant.name}</strong>
        <nav aria-label="Views">
          <button type="button" aria-pressed={view === "orders"} onClick={() => setView("orders")}>
            Orders
          </button>
          <button type="button" aria-pressed={view === "map"} onClick={() => setView("map")}>
            Map
          </button>
        </nav>
        <span role="status" className={`live ${live.state}`}>
          {LIVE_WORDS[live.state]}
        </span>
        <button type="button" onClick={() => onSignOut("")}>
          Sign out
        </button>
      </header>
      {view === "orders" ? (
        <main className="desk">
          <Orders doorstep={doorstep} clock={clock} chosen={chosen} onChoose={setChosen} />
          {chosen === null ? (
            <section className="timeline" aria-label="Timeline">
              <p className="quiet">Choose an order to see what happened to it.</p>
            </section>
          ) : (
            <Timeline key={chosen} doorstep={doorstep} clock={clock} id={chosen} />
          )}
        </main>
      ) : (
        <main>
          <RouteMap doorstep={doorstep} />
        </main>
      )}
    </LiveContext>
  );
}
