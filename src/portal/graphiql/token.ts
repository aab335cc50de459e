/** The API key of this browser tab: entered once, kept in sessionStorage, never part of an address. */

const KEPT_AS = "doorstep:token";
const BEARER = /^bearer\s+/i;

export function readToken(): string {
  return sessionStorage.getItem(KEPT_AS) ?? "";
}

/** Keeps a token as people paste it, with or without "Bearer"; an empty one is forgotten. Answers what was kept. */
export function keepToken(text: string): string {
  const token = text.trim().replace(BEARER, "");
  if (token === "") {
    sessionStorage.removeItem(KEPT_AS);
  } else {
    sessionStorage.setItem(KEPT_AS, token);
  }
  return token;
}

/** What carries the credential: an HTTP header, and under the same name the payload of connection_init. */
export function credentials(token: string): Record<string, string> {
  return token === "" ? {} : { Authorization: `Bearer ${token}` };
}
