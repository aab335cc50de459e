/** A browser tab's credential: kept in sessionStorage under a name, so that it ends with the tab and is in no address. */

const BEARER = /^bearer\s+/i;

export interface KeptToken {
  /** The token, or an empty text. */
  readToken: () => string;
  /** Keeps a token as people paste it, with or without "Bearer"; an empty one is forgotten. Answers what was kept. */
  keepToken: (text: string) => string;
}

export function keptToken(name: string): KeptToken {
  return {
    readToken: () => sessionStorage.getItem(name) ?? "",
    keepToken: (text) => {
      const token = text.trim().replace(BEARER, "");
      if (token === "") {
        sessionStorage.removeItem(name);
      } else {
        sessionStorage.setItem(name, token);
      }
      return token;
    },
  };
}
