/** The driver's day as React state: the route of the last answer, asked for again and again, with the acts of the outbox on top. */

import { useCallback, useEffect, useMemo, useRef, useState, useSyncExternalStore } from "react";

import { accepted, DoorstepError, type Doorstep } from "../client/index.ts";
import { AnswerDocument, DayDocument, WorkDocument } from "./documents.ts";
import { keepDay, readDay, type Day } from "./kept.ts";
import { Outbox, type Entry } from "./outbox.ts";
import { withActs, type Act, type Route, type Said } from "./work.ts";

const ASK_EVERY = 8_000;

export interface Working {
  day: Day | null;
  /** The route with what was done here; null: none is dispatched. */
  route: Route | null;
  entries: readonly Entry[];
  /** Why the last question was not answered; empty when it was. */
  trouble: string;
  act: (stopId: string, act: Act, said?: Said) => void;
  settle: (actId: string, what: "drop" | "again") => void;
  answer: (offerId: string, answer: "ACCEPT" | "DECLINE") => Promise<void>;
  refresh: () => void;
}

export function useDay(doorstep: Doorstep, onEnd: () => void): Working {
  const [outbox] = useState(() => new Outbox());
  const [day, setDay] = useState(readDay);
  const [trouble, setTrouble] = useState("");
  const entries = useSyncExternalStore(outbox.subscribe, outbox.snapshot);
  const asking = useRef(0);

  const refresh = useCallback(async () => {
    const number = ++asking.current;
    const sent = outbox.entries.filter(({ state }) => state === "SENT").map(({ actId }) => actId);
    try {
      const answer = await askDay(doorstep);
      if (number === asking.current) {
        keepDay(answer);
        setDay(answer);
        setTrouble("");
        outbox.forget(sent);
      }
    } catch (error) {
      if (error instanceof DoorstepError && error.code === "UNAUTHENTICATED") {
        onEnd();
      } else if (number === asking.current) {
        setTrouble(error instanceof DoorstepError && error.code !== "UNAVAILABLE" ? error.message : "No connection");
      }
    }
  }, [doorstep, outbox, onEnd]);

  const send = useCallback(
    () => void outbox.send(doorstep, () => void refresh(), onEnd),
    [doorstep, outbox, refresh, onEnd],
  );

  useEffect(() => {
    const both = () => {
      send();
      void refresh();
    };
    const shown = () => document.visibilityState === "visible" && both();
    both();
    const timer = setInterval(shown, ASK_EVERY);
    window.addEventListener("online", both);
    document.addEventListener("visibilitychange", shown);
    return () => {
      clearInterval(timer);
      window.removeEventListener("online", both);
      document.removeEventListener("visibilitychange", shown);
      outbox.stop();
    };
  }, [outbox, refresh, send]);

  const act = (stopId: string, what: Act, said: Said = {}) => {
    if (day?.route) {
      outbox.add(day.route.id, stopId, what, said);
      send();
    }
  };
  const settle = (actId: string, what: "drop" | "again") => {
    outbox.settle(actId, what);
    send();
  };
  const answer = async (offerId: string, said: "ACCEPT" | "DECLINE") => {
    const { answerDispatchOffer } = await doorstep.ask(AnswerDocument, { input: { offerId, answer: said } });
    accepted(answerDispatchOffer);
    await refresh();
  };
  const given = day?.route ?? null;
  const route = useMemo(() => given && withActs(given, entries.filter(({ state }) => state !== "REFUSED")), [given, entries]);
  return { day, route, entries, trouble, act, settle, answer, refresh: () => void refresh() };
}

/** The route under way, else the one that starts first. */
async function askDay(doorstep: Doorstep): Promise<Day> {
  const { viewer, routes, dispatchOffers } = await doorstep.ask(DayDocument);
  const found = routes?.nodes ?? [];
  const id = (found.find(({ status }) => status === "IN_PROGRESS") ?? found[0])?.id;
  const { route } = id === undefined ? { route: null } : await doorstep.ask(WorkDocument, { id });
  const { name: tenant = "", timeZone = "UTC" } = viewer?.tenant ?? {};
  return { tenant, timeZone, route, offers: dispatchOffers ?? [] };
}
