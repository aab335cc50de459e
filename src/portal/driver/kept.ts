/**
 * What the phone keeps, so that a reload, a tab that the phone has put away, and a cellar without network lose nothing.
 *
 * The token comes in the fragment of the link, is taken out of the address at once and is kept here: it ends within a day. The last route is kept
 * until it is over or the token is, since it holds people's names and addresses.
 */

import type { DayQuery } from "./documents.ts";
import type { Route } from "./work.ts";

const TOKEN = "doorstep:driver-token";
const DAY = "doorstep:driver-day";

export type Offer = NonNullable<DayQuery["dispatchOffers"]>[number];

export interface Day {
  tenant: string;
  timeZone: string;
  route: Route | null;
  offers: readonly Offer[];
}

/** The token of the link that led here, or the one that is kept; empty without either. */
export function takeToken(): string {
  const given = new URLSearchParams(window.location.hash.slice(1)).get("token");
  if (given !== null) {
    localStorage.setItem(TOKEN, given);
    localStorage.removeItem(DAY);
    window.history.replaceState(null, "", window.location.pathname);
  }
  return localStorage.getItem(TOKEN) ?? "";
}

export function readDay(): Day | null {
  return parsed(localStorage.getItem(DAY)) as Day | null;
}

export function keepDay(day: Day): void {
  localStorage.setItem(DAY, JSON.stringify(day));
}

/** Forgets token and route; what was done and not sent yet stays, for the next link. */
export function forget(): void {
  localStorage.removeItem(TOKEN);
  localStorage.removeItem(DAY);
}

/** JSON that this page wrote; null for anything else. */
export function parsed(text: string | null): unknown {
  try {
    return text === null ? null : JSON.parse(text);
  } catch {
    return null;
  }
}
