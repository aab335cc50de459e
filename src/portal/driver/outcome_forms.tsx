/** How a stop ended: handed over with what must be shown for it, or failed with a reason. */

import { useState, type FormEvent } from "react";

import { words } from "../portal/words.ts";
import type { FailureReason, ProofInput } from "./documents.ts";
import { liveOrders, nameOf, type Order, type Said, type Stop } from "./work.ts";

const REASONS: readonly FailureReason[] = [
  "NOT_HOME",
  "ADDRESS_NOT_FOUND",
  "NO_ACCESS",
  "REFUSED",
  "DAMAGED",
  "MISSING_ITEMS",
  "AGE_CHECK_FAILED",
  "PIN_WRONG",
  "PAYMENT_FAILED",
  "NOT_READY",
  "CLOSED",
  "NO_TIME",
  "VEHICLE_TROUBLE",
  "WEATHER",
  "UNSAFE",
  "OTHER",
];

interface FormProps {
  stop: Stop;
  onDone: (said: Said) => void;
  onClose: () => void;
}

export function CompleteForm({ stop, onDone, onClose }: FormProps) {
  const orders = liveOrders(stop);
  const [chosen, setChosen] = useState(() => new Set(orders.map(({ id }) => id)));
  const [shown, setShown] = useState<Record<string, string>>({});
  const [note, setNote] = useState("");
  const say = (key: string, text: string) => setShown((before) => ({ ...before, [key]: text }));
  const meant = orders.filter(({ id }) => chosen.has(id));
  const needed = stop.kind === "DROPOFF" ? meant.flatMap(needsOf) : [];

  const submit = (event: FormEvent) => {
    event.preventDefault();
    const proofs = needed.flatMap((need) => need.proof(shown[need.key]?.trim() ?? ""));
    if (note.trim() !== "") {
      proofs.push({ kind: "NOTE", note: note.trim() });
    }
    onDone({ ...some(orders, meant), ...(proofs.length > 0 ? { proofs } : {}) });
  };
  return (
    <form onSubmit={submit}>
      <Choice orders={orders} chosen={chosen} onChange={setChosen} />
      {needed.map((need) => (
        <label key={need.key}>
          {need.label}
          <input
            required
            inputMode={need.digits ? "numeric" : "text"}
            autoComplete="off"
            value={shown[need.key] ?? ""}
            onChange={(event) => say(need.key, event.target.value)}
          />
        </label>
      ))}
      {!needed.some(({ key }) => key.endsWith(":NOTE")) && (
        <label>
          Note (if there is something to say)
          <input maxLength={1000} value={note} onChange={(event) => setNote(event.target.value)} />
        </label>
      )}
      <Ending disabled={meant.length === 0} onClose={onClose}>
        {stop.kind === "PICKUP" ? "Picked up" : "Delivered"}
      </Ending>
    </form>
  );
}

export function FailForm({ stop, onDone, onClose }: FormProps) {
  const orders = liveOrders(stop);
  const [chosen, setChosen] = useState(() => new Set(orders.map(({ id }) => id)));
  const [reason, setReason] = useState<FailureReason | "">("");
  const [note, setNote] = useState("");
  const meant = orders.filter(({ id }) => chosen.has(id));

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (reason !== "") {
      onDone({ reason, ...some(orders, meant), ...(note.trim() === "" ? {} : { note: note.trim() }) });
    }
  };
  return (
    <form onSubmit={submit}>
      <Choice orders={orders} chosen={chosen} onChange={setChosen} />
      <label>
        Why?
        <select required value={reason} onChange={(event) => setReason(event.target.value as FailureReason)}>
          <option value="">Choose…</option>
          {REASONS.map((one) => (
            <option key={one} value={one}>
              {words(one)}
            </option>
          ))}
        </select>
      </label>
      <label>
        Note{reason === "OTHER" ? "" : " (if there is something to say)"}
        <input required={reason === "OTHER"} maxLength={1000} value={note} onChange={(event) => setNote(event.target.value)} />
      </label>
      <Ending disabled={meant.length === 0} onClose={onClose}>
        Failed
      </Ending>
    </form>
  );
}

interface Need {
  key: string;
  label: string;
  digits: boolean;
  proof: (text: string) => ProofInput[];
}

/** What must be shown for an order, one field each. */
function needsOf(order: Order): Need[] {
  const orderId = order.id;
  const name = nameOf(order);
  return order.proofRequired.kinds.flatMap((kind): Need[] => {
    const key = `${orderId}:${kind}`;
    switch (kind) {
      case "PIN":
        return [{ key, label: `PIN for ${name}`, digits: true, proof: (pin) => [{ kind, pin, orderId }] }];
      case "BARCODE":
        return barcodesOf(order).map((known, at) => ({
          key: `${key}:${at}`,
          label: known === "" ? `Barcode of ${name}` : `Barcode ${known} of ${name}`,
          digits: false,
          proof: (barcode) => [{ kind, barcode, orderId }],
        }));
      case "LEFT_WITH":
        return [{ key, label: `${name}: left with whom?`, digits: false, proof: (recipientName) => [{ kind, recipientName, orderId }] }];
      default:
        return [{ key, label: `Note for ${name}`, digits: false, proof: (note) => [{ kind, note, orderId }] }];
    }
  });
}

function barcodesOf({ packages }: Order): string[] {
  const known = packages.flatMap(({ barcode }) => (barcode === null ? [] : [barcode]));
  return known.length > 0 ? known : [""];
}

/** Named only where not all are meant. */
function some(orders: Order[], meant: Order[]): { orderIds?: string[] } {
  return meant.length === orders.length ? {} : { orderIds: meant.map(({ id }) => id) };
}

interface ChoiceProps {
  orders: Order[];
  chosen: Set<string>;
  onChange: (chosen: Set<string>) => void;
}

function Choice({ orders, chosen, onChange }: ChoiceProps) {
  if (orders.length < 2) {
    return null;
  }
  const toggle = (id: string) => {
    const changed = new Set(chosen);
    if (!changed.delete(id)) {
      changed.add(id);
    }
    onChange(changed);
  };
  return (
    <fieldset>
      <legend>Which orders?</legend>
      {orders.map((order) => (
        <label key={order.id} className="check">
          <input type="checkbox" checked={chosen.has(order.id)} onChange={() => toggle(order.id)} /> {nameOf(order)}
        </label>
      ))}
    </fieldset>
  );
}

function Ending({ children, disabled, onClose }: { children: string; disabled: boolean; onClose: () => void }) {
  return (
    <p className="acts">
      <button type="submit" className="wide" disabled={disabled}>
        {children}
      </button>
      <button type="button" className="less" onClick={onClose}>
        Back
      </button>
    </p>
  );
}
