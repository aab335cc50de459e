/** The route on paper: for a day without a phone, and for whoever checks the loading. */

import { useMemo } from "react";

import type { Working } from "./day.ts";
import { clockOf, kindWords, windowWords, type Clock } from "./parts.tsx";
import { doorOf, isDoor, loadWords, nameOf, type Order, type Stop } from "./work.ts";

export function Manifest({ day, route, trouble }: Working) {
  const clock = useMemo(() => clockOf(day?.timeZone ?? "UTC"), [day?.timeZone]);
  if (day === null || route === null) {
    return (
      <main className="message" role="status">
        <p>{trouble || (day === null ? "Loading…" : "No route now.")}</p>
      </main>
    );
  }
  const stops = route.stops.filter(({ status }) => status !== "CANCELLED");
  return (
    <main className="manifest">
      <header>
        <h1>
          {day.tenant}, {clock.day(route.startsAt)}
        </h1>
        <p>
          Route {route.id.slice(-8)}, {stops.filter(isDoor).length} stops, {route.summary.orders} orders,{" "}
          {(route.summary.distanceMeters / 1000).toFixed(1)} km
        </p>
        <p className="screen">
          <button type="button" onClick={() => window.print()}>
            Print
          </button>{" "}
          <a href="/driver">Back to the route</a>
        </p>
      </header>
      <table>
        <thead>
          <tr>
            <th>Stop</th>
            <th>At</th>
            <th>Whom and where</th>
            <th>What</th>
            <th>Done</th>
          </tr>
        </thead>
        <tbody>
          {stops.map((stop) => (
            <Line key={stop.id} stop={stop} clock={clock} />
          ))}
        </tbody>
      </table>
    </main>
  );
}

function Line({ stop, clock }: { stop: Stop; clock: Clock }) {
  return (
    <tr>
      <td>
        {isDoor(stop) && (
          <>
            {stop.sequence}
            <br />
          </>
        )}
        {kindWords(stop.kind)}
      </td>
      <td>{clock.time(stop.plannedArrival)}</td>
      <td>{isDoor(stop) && stop.orders.map((order) => <Whom key={order.id} order={order} stop={stop} clock={clock} />)}</td>
      <td>
        {stop.orders.map((order) => (
          <p key={order.id}>
            <b>{nameOf(order)}</b> {loadWords(order)}
            {order.packages.map(({ id, barcode, description }) => (
              <small key={id}>{[description, barcode].filter(Boolean).join(" · ")}</small>
            ))}
          </p>
        ))}
      </td>
      <td className="signature" />
    </tr>
  );
}

function Whom({ order, stop, clock }: { order: Order; stop: Stop; clock: Clock }) {
  const door = doorOf(stop, order);
  if (door === null) {
    return null;
  }
  const windows = windowWords(door.windows, clock);
  return (
    <p>
      <b>{door.contact?.name}</b> {door.contact?.phone}
      <br />
      {door.address.formatted}
      {windows && <small>Between {windows}</small>}
      {door.instructions && <small>{door.instructions}</small>}
      {door.accessCode && <small>Access code: {door.accessCode}</small>}
    </p>
  );
}
