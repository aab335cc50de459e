/** How the API's values read to people. */

import type { OrderStatus, RouteStatus } from "./documents.ts";

/** `EN_ROUTE_TO_DROPOFF` as "En route to dropoff". */
export function words(value: string): string {
  const text = value.replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** `OrderEtaChanged` as "Order eta changed". */
export function typeWords(typename: string): string {
  return words(typename.replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_"));
}

export interface Choice {
  name: string;
  /** Null: all. */
  statuses: OrderStatus[] | null;
}

/** What the list can be narrowed to. */
export const CHOICES: readonly Choice[] = [
  { name: "All orders", statuses: null },
  { name: "Waiting for a plan", statuses: ["PENDING", "OFFERED", "AWAITING_REATTEMPT"] },
  {
    name: "Under way",
    statuses: ["ASSIGNED", "EN_ROUTE_TO_PICKUP", "AT_PICKUP", "PICKED_UP", "EN_ROUTE_TO_DROPOFF", "AT_DROPOFF"],
  },
  { name: "In trouble", statuses: ["ATTEMPT_FAILED", "RETURNING"] },
  { name: "Delivered", statuses: ["DELIVERED"] },
  { name: "Over without delivery", statuses: ["CANCELLED", "RETURNED"] },
];

export const LIVE_ROUTES: RouteStatus[] = ["COMMITTED", "DISPATCHED", "IN_PROGRESS"];

type Tone = "waiting" | "moving" | "good" | "bad" | "over";

/** Orders, routes and stops in five colours. */
export function tone(status: string): Tone {
  if (["DELIVERED", "COMPLETED"].includes(status)) {
    return "good";
  }
  if (["ATTEMPT_FAILED", "RETURNING", "FAILED"].includes(status)) {
    return "bad";
  }
  if (["CANCELLED", "RETURNED", "SKIPPED"].includes(status)) {
    return "over";
  }
  return ["PENDING", "OFFERED", "AWAITING_REATTEMPT", "COMMITTED"].includes(status) ? "waiting" : "moving";
}

/** Instants by the company's clock, not by the browser's. */
export function clockOf(timeZone: string): (instant: string) => string {
  const format = new Intl.DateTimeFormat(undefined, { timeZone, dateStyle: "medium", timeStyle: "short" });
  return (instant) => format.format(new Date(instant));
}

/** Whole minutes late, such as "12 min late"; nothing below one. */
export function lateness(seconds: number): string {
  return seconds < 60 ? "" : `${Math.round(seconds / 60)} min late`;
}
