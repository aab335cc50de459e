/** The route as the driver sees it: what the server said, and on top of it what was done here and has not reached it yet. Pure. */

import type { AdvanceStopInput, WorkQuery } from "./documents.ts";

export type Route = NonNullable<WorkQuery["route"]>;
export type Stop = Route["stops"][number];
export type Order = Stop["orders"][number];
export type Door = NonNullable<Order["dropoff"]>;
export type Act = AdvanceStopInput["act"];
/** What is said about an act beside where it was. */
export type Said = Pick<AdvanceStopInput, "reason" | "note" | "proofs"> & { orderIds?: string[] };

/** An act as it was done; the server knows it by `actId`, however often it is sent. */
export interface Done {
  actId: string;
  routeId: string;
  stopId: string;
  act: Act;
  occurredAt: string;
  said: Said;
}

const OPEN = ["PENDING", "EN_ROUTE", "ARRIVED"];
const AWAITED = ["ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP"];
const ABOARD = ["PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF"];

export function isOpen(stop: Stop): boolean {
  return OPEN.includes(stop.status);
}

export function isDoor(stop: Stop): boolean {
  return stop.kind === "PICKUP" || stop.kind === "DROPOFF";
}

/** The orders for which there is something to do at the stop. */
export function liveOrders(stop: Stop): Order[] {
  const states = stop.kind === "PICKUP" || stop.kind === "RELOAD" ? AWAITED : [...AWAITED, ...ABOARD];
  return stop.orders.filter(({ status }) => states.includes(status));
}

/** What to do next: the stop under way, else the first open one. */
export function nextStop(route: Route): Stop | undefined {
  const open = route.stops.filter(isOpen);
  return open.find(({ status }) => status !== "PENDING") ?? open[0];
}

/** The acts that a driver is offered at a stop. The server has the last word: this only hides what it would refuse. */
export function actsAt(route: Route, stop: Stop): Act[] {
  const start = route.stops.find(({ kind, status }) => kind === "DEPOT_START" && OPEN.includes(status));
  if (!isOpen(stop) || (start !== undefined && start.id !== stop.id)) {
    return [];
  }
  if (stop.kind === "DEPOT_START") {
    return ["COMPLETE"];
  }
  const arrived = stop.status === "ARRIVED";
  if (stop.kind === "BREAK") {
    return arrived ? ["COMPLETE"] : ["ARRIVE", "SKIP"];
  }
  if (stop.kind === "RELOAD") {
    return arrived ? ["COMPLETE"] : ["ARRIVE"];
  }
  if (stop.kind === "DEPOT_END") {
    return arrived ? ["COMPLETE"] : ["ARRIVE"];
  }
  if (liveOrders(stop).length === 0) {
    return ["COMPLETE"];
  }
  return arrived ? ["COMPLETE", "FAIL"] : stop.status === "EN_ROUTE" ? ["ARRIVE", "FAIL"] : ["DEPART", "ARRIVE", "FAIL"];
}

/** The route with acts that are still on their way to the server. */
export function withActs(route: Route, acts: readonly Done[]): Route {
  return acts.filter(({ routeId }) => routeId === route.id).reduce(withAct, route);
}

function withAct(route: Route, done: Done): Route {
  const leaves = done.act === "DEPART" || done.act === "ARRIVE";
  const stops = route.stops.map((stop) => {
    if (stop.id === done.stopId) {
      return isOpen(stop) ? after(stop, done) : stop;
    }
    // One stop at a time is under way.
    return leaves && isOpen(stop) ? { ...stop, status: "PENDING" as const } : stop;
  });
  const loads = done.act === "COMPLETE" ? stops.find(({ id }) => id === done.stopId) : undefined;
  return { ...route, stops: loads?.kind === "PICKUP" ? stops.map((stop) => carrying(stop, loads)) : stops };
}

function after(stop: Stop, { act, said }: Done): Stop {
  switch (act) {
    case "DEPART":
      return { ...stop, status: "EN_ROUTE" };
    case "ARRIVE":
      return { ...stop, status: "ARRIVED" };
    case "SKIP":
      return { ...stop, status: "SKIPPED" };
    default:
      return withOutcome(stop, act, said.orderIds);
  }
}

function withOutcome(stop: Stop, act: "COMPLETE" | "FAIL", orderIds: string[] | undefined): Stop {
  const meant = new Set(orderIds ?? liveOrders(stop).map(({ id }) => id));
  const done = stop.kind === "PICKUP" ? ("PICKED_UP" as const) : ("DELIVERED" as const);
  const status = act === "FAIL" ? ("ATTEMPT_FAILED" as const) : done;
  const orders = isDoor(stop) ? stop.orders.map((order) => (meant.has(order.id) ? { ...order, status } : order)) : stop.orders;
  const changed = { ...stop, orders };
  const closes = !isDoor(stop) || liveOrders(changed).length === 0;
  return closes ? { ...changed, status: act === "FAIL" ? "FAILED" : "COMPLETED" } : changed;
}

/** What was fetched at one stop is on board at the others. */
function carrying(stop: Stop, fetched: Stop): Stop {
  const ids = new Set(fetched.orders.filter(({ status }) => status === "PICKED_UP").map(({ id }) => id));
  const orders = stop.orders.map((order) =>
    ids.has(order.id) && AWAITED.includes(order.status) ? { ...order, status: "PICKED_UP" as const } : order,
  );
  return { ...stop, orders };
}

/** The end of an order that a stop is about. */
export function doorOf(stop: Stop, order: Order): Door | null {
  return stop.kind === "PICKUP" ? order.pickup : order.dropoff;
}

export function nameOf(order: Pick<Order, "id" | "reference" | "displayReference">): string {
  return order.displayReference ?? order.reference ?? `…${order.id.slice(-6)}`;
}

/** "2 items, 3.4 kg"; empty for an order that says nothing about it. */
export function loadWords({ load }: Pick<Order, "load">): string {
  const items = load.items > 0 ? `${load.items} ${load.items === 1 ? "item" : "items"}` : "";
  const weight = load.weightGrams > 0 ? `${(load.weightGrams / 1000).toFixed(1)} kg` : "";
  return [items, weight].filter((part) => part !== "").join(", ");
}

/** Leads to the phone's own map program; elsewhere to a map that anybody may use. */
export function navigationLink({ latitude, longitude }: { latitude: number; longitude: number }, agent: string): string {
  const point = `${latitude},${longitude}`;
  if (/iPhone|iPad/.test(agent)) {
    return `https://maps.apple.com/?daddr=${point}&dirflg=d`;
  }
  return agent.includes("Android")
    ? `geo:${point}?q=${point}`
    : `https://www.openstreetmap.org/directions?to=${encodeURIComponent(point)}`;
}
