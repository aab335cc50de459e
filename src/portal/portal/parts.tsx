/** Small parts that several views show. */

import { createContext, useContext, useEffect } from "react";

import type { DoorstepError } from "../client/index.ts";
import { tone, words } from "./words.ts";

export function Status({ value }: { value: string }) {
  return <span className={`status ${tone(value)}`}>{words(value)}</span>;
}

/** Takes a reason and leads back to the sign-in. */
export const SignOutContext = createContext<(reason: string) => void>(() => {});

/** A token ends while the page is open: at its hour, or when somebody revokes it. */
export const TOKEN_ENDED = "Your token is not valid, or not any more. Paste a new one.";

interface FailureProps {
  error: DoorstepError;
  onAgain: () => void;
}

/** Why there is nothing to see, and a way on where there is one. */
export function Failure({ error, onAgain }: FailureProps) {
  const signOut = useContext(SignOutContext);
  const ended = error.code === "UNAUTHENTICATED";
  useEffect(() => {
    if (ended) {
      signOut(TOKEN_ENDED);
    }
  }, [ended, signOut]);
  if (error.code === "FORBIDDEN") {
    return <p role="alert">Your token may not see this. {error.message}</p>;
  }
  return (
    <p role="alert">
      {error.message}{" "}
      <button type="button" onClick={onAgain}>
        Try again
      </button>
    </p>
  );
}
