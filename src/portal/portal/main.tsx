/** The example portal: what a company's own portal does with the typed client, in few lines. */

import { StrictMode, useCallback, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";

import { Doorstep } from "../client/index.ts";
import { keptToken } from "../kept_token.ts";
import { Desk } from "./desk.tsx";
import { SignOutContext } from "./parts.tsx";
import "./portal.css";
import { SignIn } from "./sign_in.tsx";

const { readToken, keepToken } = keptToken("doorstep:portal-token");

function Portal() {
  const [token, setToken] = useState(readToken);
  const [farewell, setFarewell] = useState("");
  const doorstep = useMemo(
    () => (token === "" ? null : new Doorstep({ url: window.location.origin, token })),
    [token],
  );
  useEffect(() => () => void doorstep?.close(), [doorstep]);

  const signIn = (text: string) => {
    setFarewell("");
    setToken(keepToken(text));
  };
  const signOut = useCallback((reason: string) => {
    setFarewell(reason);
    setToken(keepToken(""));
  }, []);
  return doorstep === null ? (
    <SignIn reason={farewell} onToken={signIn} />
  ) : (
    <SignOutContext value={signOut}>
      <Desk key={token} doorstep={doorstep} onSignOut={signOut} />
    </SignOutContext>
  );
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Portal />
    </StrictMode>,
  );
}
