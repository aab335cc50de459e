/** One stop: who, where, when, and the buttons for what is done there. */

import { useState } from "react";

import { tone, words } from "../portal/words.ts";
import { CompleteForm, FailForm } from "./outcome_forms.tsx";
import type { Entry } from "./outbox.ts";
import { kindWords, windowWords, type Clock } from "./parts.tsx";
import { actsAt, doorOf, isDoor, isOpen, liveOrders, loadWords, nameOf, navigationLink } from "./work.ts";
import type { Act, Order, Route, Said, Stop } from "./work.ts";

interface StopCardProps {
  route: Route;
  stop: Stop;
  clock: Clock;
  /** Whether this is where to go now. */
  current: boolean;
  refused: Entry | undefined;
  waiting: boolean;
  onAct: (act: Act, said?: Said) => void;
  onSettle: (actId: string, what: "drop" | "again") => void;
}

const BUTTONS: Record<Act, string> = { DEPART: "Set off", ARRIVE: "Arrived", COMPLETE: "Done", FAIL: "Failed", SKIP: "Skip" };

export function StopCard({ route, stop, clock, current, refused, waiting, onAct, onSettle }: StopCardProps) {
  const [opened, setOpened] = useState<boolean | null>(null);
  const open = opened ?? (current || refused !== undefined);
  const first = stop.orders[0];
  const door = isDoor(stop) && first ? doorOf(stop, first) : null;
  return (
    <li className={`stop ${tone(stop.status)}${current ? " current" : ""}`}>
      <button type="button" className="head" aria-expanded={open} onClick={() => setOpened(!open)}>
        <span className="number">{isDoor(stop) ? stop.sequence : "·"}</span>
        <span>
          <b>{door?.contact?.name ?? kindWords(stop.kind)}</b>
          <small>{door ? `${kindWords(stop.kind)}: ${door.address.formatted}` : isDoor(stop) ? kindWords(stop.kind) : ""}</small>
        </span>
        <span className="when">
          {clock.time(isOpen(stop) ? (stop.eta?.at ?? stop.plannedArrival) : stop.plannedArrival)}
          <small>{stop.status === "PENDING" ? "" : words(stop.status)}</small>
        </span>
      </button>
      {refused && <Refusal entry={refused} onSettle={onSettle} />}
      {open && (
        <div className="body">
          {stop.coordinates && isOpen(stop) && (
            <a className="wide" href={navigationLink(stop.coordinates, navigator.userAgent)} rel="noreferrer" target="_blank">
              Navigate
            </a>
          )}
          {isDoor(stop) && stop.orders.map((order) => <OrderDetails key={order.id} order={order} stop={stop} clock={clock} />)}
          {stop.kind in LOADED && <LoadingList stop={stop} />}
          {waiting && <p className="quiet">Waits to be sent.</p>}
          <Acts route={route} stop={stop} onAct={onAct} />
        </div>
      )}
    </li>
  );
}

function Refusal({ entry, onSettle }: { entry: Entry; onSettle: StopCardProps["onSettle"] }) {
  return (
    <div role="alert">
      <p>
        “{BUTTONS[entry.act]}” was refused: {entry.problems.map(({ message }) => message).join(" ")}
      </p>
      <button type="button" onClick={() => onSettle(entry.actId, "again")}>
        Send again
      </button>{" "}
      <button type="button" onClick={() => onSettle(entry.actId, "drop")}>
        Drop it
      </button>
    </div>
  );
}

function OrderDetails({ order, stop, clock }: { order: Order; stop: Stop; clock: Clock }) {
  const door = doorOf(stop, order);
  const windows = windowWords(door?.windows ?? [], clock);
  return (
    <section className="order">
      <h3>
        {nameOf(order)} <small>{loadWords(order)}</small>
      </h3>
      {windows && <p>Between {windows}</p>}
      {door?.contact?.phone && (
        <p>
          <a href={`tel:${door.contact.phone}`}>Call {door.contact.name ?? door.contact.phone}</a>
        </p>
      )}
      {door?.instructions && <p className="instructions">{door.instructions}</p>}
      {door?.accessCode && (
        <p>
          Access code: <b>{door.accessCode}</b>
        </p>
      )}
      <ul>
        {order.packages
          .filter(({ description, barcode, fragile }) => description || barcode || fragile)
          .map(({ id, description, barcode, fragile }) => (
            <li key={id}>
              {[description, barcode].filter(Boolean).join(" · ") || "Package"}
              {fragile && <em> fragile</em>}
            </li>
          ))}
      </ul>
    </section>
  );
}

const LOADED: Partial<Record<Stop["kind"], string>> = { DEPOT_START: "Loaded, start", RELOAD: "Loaded, go on" };

function LoadingList({ stop }: { stop: Stop }) {
  return (
    <ul className="loading">
      {stop.orders.map((order) => (
        <li key={order.id}>
          {nameOf(order)} <small>{loadWords(order)}</small>
        </li>
      ))}
    </ul>
  );
}

function Acts({ route, stop, onAct }: { route: Route; stop: Stop; onAct: StopCardProps["onAct"] }) {
  const [form, setForm] = useState<"COMPLETE" | "FAIL" | null>(null);
  const acts = actsAt(route, stop);
  if (acts.length === 0) {
    return isOpen(stop) ? <p className="quiet">Load at the depot first.</p> : null;
  }
  const finish = (act: Act) => (said: Said) => {
    setForm(null);
    onAct(act, said);
  };
  const close = () => setForm(null);
  if (form !== null && acts.includes(form)) {
    return form === "FAIL" ? (
      <FailForm stop={stop} onDone={finish("FAIL")} onClose={close} />
    ) : (
      <CompleteForm stop={stop} onDone={finish("COMPLETE")} onClose={close} />
    );
  }
  const press = (act: Act) => {
    const asks = isDoor(stop) && liveOrders(stop).length > 0 && (act === "COMPLETE" || act === "FAIL");
    return asks ? setForm(act) : onAct(act);
  };
  return (
    <p className="acts">
      {acts.map((act) => (
        <button key={act} type="button" className={act === "FAIL" || act === "SKIP" ? "less" : "wide"} onClick={() => press(act)}>
          {act === "COMPLETE" ? (LOADED[stop.kind] ?? BUTTONS[act]) : BUTTONS[act]}
        </button>
      ))}
    </p>
  );
}
