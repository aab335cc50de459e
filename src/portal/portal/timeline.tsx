/** One order: where it stands, and all that happened to it, newest first. */

import { useCallback } from "react";

import type { Doorstep } from "../client/index.ts";
import { useAsked, useAtMostEvery } from "./asking.ts";
import { TimelineDocument, type TimelineQuery } from "./documents.ts";
import { useEvents } from "./live.ts";
import { nameOf } from "./orders.tsx";
import { Failure, Status } from "./parts.tsx";
import { lateness, typeWords, words } from "./words.ts";

type Order = NonNullable<TimelineQuery["order"]>;
type Entry = Order["events"]["nodes"][number];

interface TimelineProps {
  doorstep: Doorstep;
  clock: (instant: string) => string;
  id: string;
}

export function Timeline({ doorstep, clock, id }: TimelineProps) {
  const { answer, error, again } = useAsked(useCallback(() => wholeStory(doorstep, id), [doorstep, id]));
  const soon = useAtMostEvery(300, again);
  useEvents((event) => {
    if (("orderId" in event && event.orderId === id) || ("orderIds" in event && event.orderIds.includes(id))) {
      soon();
    }
  }, again);

  return (
    <section className="timeline" aria-label="Timeline" aria-busy={answer === null && error === null}>
      {error && <Failure error={error} onAgain={again} />}
      {answer === null && !error && <p role="status">Loading…</p>}
      {answer?.order === null && <p className="empty">There is no such order any more.</p>}
      {answer?.order && (
        <>
          <h2>
            {nameOf(answer.order)} <Status value={answer.order.status} />
          </h2>
          <p>{answer.order.dropoff?.address.formatted}</p>
          {answer.order.eta && (
            <p>
              Expected {clock(answer.order.eta.at)} <em>{lateness(answer.order.eta.lateBySeconds)}</em>
            </p>
          )}
          <ol>
            {answer.entries.toReversed().map((entry) => (
              <li key={entry.id}>
                <time dateTime={entry.occurredAt}>{clock(entry.occurredAt)}</time>
                <span>{told(entry, clock)}</span>
              </li>
            ))}
          </ol>
        </>
      )}
    </section>
  );
}

/** The order with every page of its events. */
async function wholeStory(doorstep: Doorstep, id: string): Promise<{ order: Order | null; entries: Entry[] }> {
  const entries: Entry[] = [];
  let after: string | null = null;
  for (;;) {
    const { order }: TimelineQuery = await doorstep.ask(TimelineDocument, { id, after });
    entries.push(...(order?.events.nodes ?? []));
    if (!order?.events.pageInfo.hasNextPage) {
      return { order, entries };
    }
    after = order.events.pageInfo.endCursor;
  }
}

function told(entry: Entry, clock: (instant: string) => string): string {
  switch (entry.__typename) {
    case "OrderStatusChanged":
      return words(entry.to) + (entry.reason ? ` (${words(entry.reason)})` : "");
    case "OrderUpdated":
      return `Changed: ${entry.changes.map(words).join(", ")}`;
    case "OrderEtaChanged":
      return entry.at ? `Now expected ${clock(entry.at)}` : "No time is expected any more";
    case "StopStatusChanged":
      return `Stop: ${words(entry.stopTo).toLowerCase()}`;
    case "ProofCaptured":
      return `Proof: ${words(entry.kind).toLowerCase()}`;
    default:
      return typeWords(entry.__typename);
  }
}
