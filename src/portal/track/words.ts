/** The page's words for what the server tells. A value that this page does not know yet shows as nothing, rather than as a code. */

import type { ShownFragment } from "./documents.ts";

type Status = ShownFragment["status"];
type Trouble = NonNullable<ShownFragment["trouble"]>;
type Proof = ShownFragment["proofs"][number];

export const HEADINGS: Partial<Record<Status, string>> = {
  RECEIVED: "We have your order",
  SCHEDULED: "Your delivery is planned",
  ON_THE_WAY: "Your delivery is on its way",
  COMING: "The driver is coming to you",
  AT_THE_DOOR: "The driver is at your door",
  DELIVERED: "Delivered",
  NOT_DELIVERED: "We could not deliver it",
  WILL_BE_TRIED_AGAIN: "We will try again",
  GOES_BACK: "Your delivery goes back",
  CANCELLED: "This delivery was cancelled",
};

export const TROUBLES: Partial<Record<Trouble, string>> = {
  NOBODY_THERE: "Nobody was there.",
  ADDRESS_NOT_FOUND: "The address could not be found.",
  NO_ACCESS: "The driver could not get to the door.",
  REFUSED: "It was not accepted at the door.",
  CHECK_FAILED: "A check at the door did not succeed.",
  ON_OUR_SIDE: "Something came up on our side.",
};

export const PROOFS: Partial<Record<Proof, string>> = {
  PIN: "your PIN",
  BARCODE: "a scan of the parcel",
  NOTE: "a note of the driver's",
  LEFT_WITH: "the name of whoever took it",
};

/** The steps of a delivery that goes well. */
export const STEPS = [
  { words: "Received", of: ["RECEIVED"] },
  { words: "Planned", of: ["SCHEDULED"] },
  { words: "On its way", of: ["ON_THE_WAY", "COMING", "AT_THE_DOOR"] },
  { words: "Delivered", of: ["DELIVERED"] },
] as const satisfies readonly { words: string; of: readonly Status[] }[];

/** Which step a state is; -1 for one that is on none. */
export function stepOf(status: Status): number {
  return STEPS.findIndex(({ of }) => (of as readonly Status[]).includes(status));
}

export function stopsWords(stops: number): string {
  return stops === 0 ? "You are next." : stops === 1 ? "One stop before you." : `${stops} stops before you.`;
}

export function metersWords(meters: number): string {
  return meters < 1000 ? `about ${meters} m away` : `about ${(meters / 1000).toFixed(1)} km away`;
}
