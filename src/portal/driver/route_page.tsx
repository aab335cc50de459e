/** The route on a phone: where to go now, what comes then, what is done. */

import { useMemo } from "react";

import type { Working } from "./day.ts";
import { Offers } from "./offers.tsx";
import { clockOf } from "./parts.tsx";
import { StopCard } from "./stop_card.tsx";
import { isDoor, isOpen, nextStop } from "./work.ts";

export function RoutePage({ day, route, entries, trouble, act, settle, answer, refresh }: Working) {
  const clock = useMemo(() => clockOf(day?.timeZone ?? "UTC"), [day?.timeZone]);
  const waiting = entries.filter(({ state }) => state === "WAITING").length;
  if (day === null) {
    return (
      <main className="message" role="status">
        <p>{trouble || "Loading…"}</p>
      </main>
    );
  }
  const elsewhere = entries.filter(({ state, routeId }) => state === "REFUSED" && routeId !== route?.id);
  const doors = route?.stops.filter(isDoor) ?? [];
  const left = doors.filter(isOpen).length;
  const now = route ? nextStop(route) : undefined;
  return (
    <>
      <header className="bar">
        <span>
          <strong>{day.tenant}</strong>
          {route && (
            <small>
              {left === 0 ? "All doors done" : `${left} of ${doors.length} stops left`}, {(route.summary.distanceMeters / 1000).toFixed(1)} km
            </small>
          )}
        </span>
        <a href="/driver/manifest">Print</a>
      </header>
      <p role="status" className={trouble || waiting > 0 ? "line waiting" : "line"}>
        {trouble && `${trouble}. You can work on: `}
        {waiting > 0 ? `${waiting} ${waiting === 1 ? "act waits" : "acts wait"} to be sent.` : trouble && "nothing is lost."}
      </p>
      <Offers offers={day.offers} clock={clock} onAnswer={answer} />
      {elsewhere.map((entry) => (
        <p role="alert" key={entry.actId}>
          An act of an earlier route was refused: {entry.problems[0]?.message}{" "}
          <button type="button" onClick={() => settle(entry.actId, "drop")}>
            OK
          </button>
        </p>
      ))}
      {route === null ? (
        <main className="message">
          <h1>No route now</h1>
          <p>Nothing is dispatched to you, or all is done.</p>
          <button type="button" onClick={refresh}>
            Look again
          </button>
        </main>
      ) : (
        <main>
          <ol className="stops">
            {route.stops
              .filter(({ status }) => status !== "CANCELLED")
              .map((stop) => (
                <StopCard
                  key={stop.id}
                  route={route}
                  stop={stop}
                  clock={clock}
                  current={stop.id === now?.id}
                  refused={entries.find((entry) => entry.state === "REFUSED" && entry.stopId === stop.id)}
                  waiting={entries.some((entry) => entry.state === "WAITING" && entry.stopId === stop.id)}
                  onAct={(what, said) => act(stop.id, what, said)}
                  onSettle={settle}
                />
              ))}
          </ol>
        </main>
      )}
    </>
  );
}
