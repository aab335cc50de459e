/** The list of orders: narrowed by status, paged by cursor, each line as the last event left it. */

import { useCallback, useState } from "react";

import type { Doorstep } from "../client/index.ts";
import { useAsked } from "./asking.ts";
import { OrdersDocument, type OrderLineFragment } from "./documents.ts";
import { useEvents, type LiveEvent } from "./live.ts";
import { Failure, Status } from "./parts.tsx";
import { CHOICES, lateness } from "./words.ts";

const PAGE = 20;

interface OrdersProps {
  doorstep: Doorstep;
  clock: (instant: string) => string;
  chosen: string | null;
  onChoose: (id: string) => void;
}

export function Orders({ doorstep, clock, chosen, onChoose }: OrdersProps) {
  const [choice, setChoice] = useState(0);
  /** Where each page from the second to the present one begins: the way back. */
  const [cursors, setCursors] = useState<string[]>([]);
  const { newer, placed, take, forget } = useNewerLines();
  const after = cursors.at(-1) ?? null;

  const ask = useCallback(async () => {
    const statuses = CHOICES[choice]?.statuses ?? null;
    const { orders } = await doorstep.ask(OrdersDocument, { first: PAGE, after, statuses });
    forget();
    return orders;
  }, [doorstep, choice, after, forget]);
  const { answer, error, loading, again } = useAsked(ask);
  useEvents(take, again);

  const narrow = (next: number) => {
    setChoice(next);
    setCursors([]);
  };
  const showNew = () => {
    setCursors([]);
    again();
  };
  const lines = (answer?.nodes ?? []).map((line) => latest(line, newer.get(line.id)));
  const next = answer?.pageInfo.hasNextPage ? answer.pageInfo.endCursor : null;
  return (
    <section className="orders" aria-label="Orders" aria-busy={loading}>
      <div className="tools">
        <label htmlFor="status">Show</label>
        <select id="status" value={choice} onChange={(event) => narrow(Number(event.target.value))}>
          {CHOICES.map(({ name }, number) => (
            <option key={name} value={number}>
              {name}
            </option>
          ))}
        </select>
        <span role="status">{loading && answer === null ? "Loading…" : counted(answer?.totalCount ?? 0)}</span>
        {placed > 0 && (
          <button type="button" onClick={showNew}>
            Show {placed} new
          </button>
        )}
      </div>
      {error && <Failure error={error} onAgain={again} />}
      {answer && lines.length === 0 && <p className="empty">No orders here. New ones are announced above.</p>}
      {lines.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">Order</th>
              <th scope="col">Status</th>
              <th scope="col">To</th>
              <th scope="col">Expected</th>
            </tr>
          </thead>
          <tbody>
            {lines.map((line) => (
              <tr key={line.id} aria-selected={line.id === chosen} onClick={() => onChoose(line.id)}>
                <th scope="row">
                  <button type="button" className="link" onClick={() => onChoose(line.id)}>
                    {nameOf(line)}
                  </button>
                </th>
                <td>
                  <Status value={line.status} />
                </td>
                <td>{line.dropoff?.address.formatted}</td>
                <td>
                  {line.eta && clock(line.eta.at)} {line.eta && <em>{lateness(line.eta.lateBySeconds)}</em>}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      <div className="tools">
        <button type="button" disabled={cursors.length === 0} onClick={() => setCursors(cursors.slice(0, -1))}>
          Previous
        </button>
        <span>Page {cursors.length + 1}</span>
        <button type="button" disabled={!next} onClick={() => next && setCursors([...cursors, next])}>
          Next
        </button>
      </div>
    </section>
  );
}

/** What people call an order. */
export function nameOf({ reference, displayReference, id }: OrderLineFragment): string {
  return displayReference ?? reference ?? `…${id.slice(-6)}`;
}

function counted(total: number): string {
  return total === 1 ? "1 order" : `${total} orders`;
}

function latest(listed: OrderLineFragment, told: OrderLineFragment | undefined): OrderLineFragment {
  return told !== undefined && told.version > listed.version ? told : listed;
}

/** Lines that came by the stream since the list was asked for, and how many orders are new. */
function useNewerLines() {
  const [newer, setNewer] = useState<ReadonlyMap<string, OrderLineFragment>>(new Map());
  const [placed, setPlaced] = useState(0);
  const take = (event: LiveEvent) => {
    if (event.__typename === "OrderPlaced") {
      setPlaced((before) => before + 1);
    } else if ("order" in event && event.order) {
      const { order } = event;
      setNewer((before) => new Map(before).set(order.id, order));
    }
  };
  const forget = useCallback(() => {
    setNewer(new Map());
    setPlaced(0);
  }, []);
  return { newer, placed, take, forget };
}
