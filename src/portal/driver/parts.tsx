/** What the page and the manifest both show. */

import { words } from "../portal/words.ts";
import type { Stop } from "./work.ts";

const KINDS: Record<Stop["kind"], string> = {
  DEPOT_START: "Load at the depot",
  PICKUP: "Pick up",
  DROPOFF: "Deliver",
  BREAK: "Break",
  RELOAD: "Load the next tour",
  DEPOT_END: "Back to the depot",
};

export function kindWords(kind: Stop["kind"]): string {
  return KINDS[kind] ?? words(kind);
}

export interface Clock {
  time: (instant: string) => string;
  day: (instant: string) => string;
}

/** Instants by the company's clock, not by the phone's. */
export function clockOf(timeZone: string): Clock {
  const time = new Intl.DateTimeFormat(undefined, { timeZone, hour: "2-digit", minute: "2-digit" });
  const day = new Intl.DateTimeFormat(undefined, { timeZone, dateStyle: "full" });
  return { time: (instant) => time.format(new Date(instant)), day: (instant) => day.format(new Date(instant)) };
}

export function windowWords(windows: readonly { start: string; end: string }[], clock: Clock): string {
  return windows.map(({ start, end }) => `${clock.time(start)}–${clock.time(end)}`).join(", ");
}
