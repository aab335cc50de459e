/** The routes of today as lines and stops. Drawn here: a map's tiles would come from another host. */

import { useCallback, useMemo, useState } from "react";

import type { Doorstep } from "../client/index.ts";
import { useAsked, useAtMostEvery } from "./asking.ts";
import { RoutesDocument, type RoutesQuery } from "./documents.ts";
import { decodePolyline, pictureOf, type Picture, type Point } from "./geometry.ts";
import { useEvents } from "./live.ts";
import { Failure, Status } from "./parts.tsx";
import { LIVE_ROUTES, tone, words } from "./words.ts";

type Route = NonNullable<RoutesQuery["routes"]>["nodes"][number];

const MOST = 50;
const COLOURS = ["#0b6e99", "#b4531a", "#5b4bb4", "#2f7d3b", "#a3325f", "#6b6312", "#14746f", "#7a4a2b"];

interface Drawn {
  route: Route;
  colour: string;
  line: Point[];
}

export function RouteMap({ doorstep }: { doorstep: Doorstep }) {
  const [chosen, setChosen] = useState<string | null>(null);
  const ask = useCallback(async () => {
    const { routes } = await doorstep.ask(RoutesDocument, { first: MOST, statuses: LIVE_ROUTES });
    return routes;
  }, [doorstep]);
  const { answer, error, loading, again } = useAsked(ask);
  const soon = useAtMostEvery(1000, again);
  useEvents((event) => {
    if ("routeId" in event) {
      soon();
    }
  }, again);

  const drawn = useMemo(() => (answer?.nodes ?? []).map(draw), [answer]);
  if (error) {
    return <Failure error={error} onAgain={again} />;
  }
  if (answer === null || drawn.length === 0) {
    return <p className="empty">{loading ? "Loading…" : "No route is committed or on the road now."}</p>;
  }
  return (
    <div className="map">
      <Drawing drawn={drawn} chosen={chosen} />
      <section aria-label="Routes">
        <h2>{answer.totalCount > MOST ? `The first ${MOST} of ${answer.totalCount} routes` : "Routes"}</h2>
        <ul>
          {drawn.map(({ route, colour }) => (
            <li key={route.id}>
              <button
                type="button"
                aria-pressed={route.id === chosen}
                onClick={() => setChosen(route.id === chosen ? null : route.id)}
              >
                <i style={{ background: colour }} />
                <span>
                  {nameOf(route)} <Status value={route.status} />
                  <small>{progress(route)}</small>
                </span>
              </button>
            </li>
          ))}
        </ul>
        <Legend />
        <Attribution drawn={drawn} />
      </section>
    </div>
  );
}

/** One of each colour that a stop may have. */
const SHOWN = ["PENDING", "EN_ROUTE", "COMPLETED", "FAILED", "SKIPPED"] as const;

function Legend() {
  return (
    <p className="legend quiet">
      {SHOWN.map((status) => (
        <span key={status}>
          <svg viewBox="0 0 20 20" aria-hidden="true">
            <circle cx={10} cy={10} r={8} className={`stop ${tone(status)}`} />
          </svg>{" "}
          {status === "EN_ROUTE" ? "Now" : words(status)}
        </span>
      ))}
    </p>
  );
}

/** Whoever made the map is named beside it. */
function Attribution({ drawn }: { drawn: Drawn[] }) {
  const owners = new Set(drawn.flatMap(({ route: { attribution } }) => attribution ?? []));
  return owners.size === 0 ? null : (
    <p className="legend quiet">
      Roads{" "}
      <a href="https://www.openstreetmap.org/copyright" rel="noreferrer" target="_blank">
        {[...owners].join(", ")}
      </a>
    </p>
  );
}

function Drawing({ drawn, chosen }: { drawn: Drawn[]; chosen: string | null }) {
  const picture = useMemo(() => pictureOf(drawn.flatMap(pointsOf), 1000, 700, 40), [drawn]);
  // What is drawn last lies on top.
  const inOrder = drawn.toSorted((one, other) => Number(one.route.id === chosen) - Number(other.route.id === chosen));
  return (
    <svg viewBox={`0 0 ${picture.width} ${picture.height}`} role="img" aria-label={`Map of ${drawn.length} routes`}>
      {inOrder.map((one) => (
        <g key={one.route.id} className={chosen !== null && chosen !== one.route.id ? "faded" : ""}>
          <polyline points={coordinates(one.line, picture)} stroke={one.colour} />
          {one.route.stops.map((stop) => {
            if (stop.coordinates === null) {
              return null;
            }
            const [x, y] = picture.place(stop.coordinates);
            const title = `${nameOf(one.route)}, stop ${stop.sequence}: ${words(stop.kind)}, ${words(stop.status).toLowerCase()}`;
            return stop.kind.startsWith("DEPOT") ? (
              <rect key={stop.id} x={x - 9} y={y - 9} width={18} height={18} rx={3} className="depot">
                <title>{title}</title>
              </rect>
            ) : (
              <circle key={stop.id} cx={x} cy={y} r={8} stroke={one.colour} className={`stop ${tone(stop.status)}`}>
                <title>{title}</title>
              </circle>
            );
          })}
        </g>
      ))}
    </svg>
  );
}

function draw(route: Route, number: number): Drawn {
  const stops = route.stops.flatMap(({ coordinates: point }) => (point === null ? [] : [point]));
  const line = route.path ? decodePolyline(route.path) : stops;
  return { route, colour: COLOURS[number % COLOURS.length] ?? "#333", line };
}

function pointsOf({ route, line }: Drawn): Point[] {
  return [...line, ...route.stops.flatMap(({ coordinates: point }) => (point === null ? [] : [point]))];
}

function coordinates(line: readonly Point[], picture: Picture): string {
  return line.map((point) => picture.place(point).map((value) => value.toFixed(1)).join(",")).join(" ");
}

function nameOf({ driver, vehicle, id }: Route): string {
  return driver?.name ?? vehicle?.name ?? `Route …${id.slice(-6)}`;
}

function progress({ stops, summary }: Route): string {
  const doors = stops.filter(({ kind }) => kind === "DROPOFF" || kind === "PICKUP");
  const done = doors.filter(({ status }) => status === "COMPLETED" || status === "FAILED");
  const kilometres = (summary.distanceMeters / 1000).toFixed(1);
  return `${done.length} of ${doors.length} stops, ${kilometres} km`;
}
