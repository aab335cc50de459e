/** A question to the server as React state: loading, an answer, or an error; asked again on demand. */

import { useCallback, useEffect, useRef, useState } from "react";

import { DoorstepError } from "../client/index.ts";

export interface Asked<Result> {
  /** The last answer; it stays while a newer one is on its way. */
  answer: Result | null;
  error: DoorstepError | null;
  loading: boolean;
  again: () => void;
}

/** Asks whenever `ask` is another function (see useCallback); an answer that was overtaken is dropped. */
export function useAsked<Result>(ask: () => Promise<Result>): Asked<Result> {
  const [answer, setAnswer] = useState<Result | null>(null);
  const [error, setError] = useState<DoorstepError | null>(null);
  const [loading, setLoading] = useState(true);
  const [times, setTimes] = useState(0);
  const again = useCallback(() => setTimes((before) => before + 1), []);

  useEffect(() => {
    let overtaken = false;
    setLoading(true);
    ask()
      .then((result) => {
        if (!overtaken) {
          setAnswer(result);
          setError(null);
        }
      })
      .catch((reason: unknown) => {
        if (!overtaken) {
          setError(asDoorstepError(reason));
        }
      })
      .finally(() => {
        if (!overtaken) {
          setLoading(false);
        }
      });
    return () => {
      overtaken = true;
    };
  }, [ask, times]);
  return { answer, error, loading, again };
}

/** What was thrown, as an error with a code. */
export function asDoorstepError(reason: unknown): DoorstepError {
  return reason instanceof DoorstepError ? reason : new DoorstepError("INTERNAL", String(reason), {}, reason);
}

/** A function that calls `act`, which should be stable, at most once in so many milliseconds, however often it is called. */
export function useAtMostEvery(milliseconds: number, act: () => void): () => void {
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  useEffect(
    () => () => {
      clearTimeout(timer.current);
      timer.current = undefined;
    },
    [],
  );
  return useCallback(() => {
    timer.current ??= setTimeout(() => {
      timer.current = undefined;
      act();
    }, milliseconds);
  }, [milliseconds, act]);
}
