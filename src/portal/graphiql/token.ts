/** The API key of this browser tab: entered once, kept in sessionStorage, never part of an address. */

import { keptToken } from "../kept_token.ts";

export const { readToken, keepToken } = keptToken("doorstep:token");

/** What carries the credential: an HTTP header, and under the same name the payload of connection_init. */
export function credentials(token: string): Record<string, string> {
  return token === "" ? {} : { Authorization: `Bearer ${token}` };
}
