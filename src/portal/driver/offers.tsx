/** Orders that the dispatcher offers: each waits for a yes or a no until its time is up. */

import { useEffect, useState } from "react";

import type { Offer } from "./kept.ts";
import type { Clock } from "./parts.tsx";
import { loadWords, nameOf } from "./work.ts";

interface OffersProps {
  offers: readonly Offer[];
  clock: Clock;
  onAnswer: (offerId: string, answer: "ACCEPT" | "DECLINE") => Promise<void>;
}

export function Offers({ offers, clock, onAnswer }: OffersProps) {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 1000);
    return () => clearInterval(timer);
  }, []);
  const waiting = offers.filter(({ expiresAt }) => Date.parse(expiresAt) > now);
  return waiting.map((offer) => (
    <section key={offer.id} className="offer" aria-label="An order for you">
      <OfferDetails offer={offer} clock={clock} seconds={Math.ceil((Date.parse(offer.expiresAt) - now) / 1000)} />
      <Answers onAnswer={(answer) => onAnswer(offer.id, answer)} />
    </section>
  ));
}

function OfferDetails({ offer, clock, seconds }: { offer: Offer; clock: Clock; seconds: number }) {
  const { order } = offer;
  return (
    <>
      <h3>
        Another order? <small>{seconds} s left</small>
      </h3>
      {order?.pickup && <p>From {order.pickup.address.formatted}</p>}
      {order?.dropoff && (
        <p>
          To {order.dropoff.address.formatted}, by {clock.time(offer.arrivesAt)}
        </p>
      )}
      {order && (
        <small>
          {nameOf(order)} {loadWords(order)}
        </small>
      )}
    </>
  );
}

function Answers({ onAnswer }: { onAnswer: (answer: "ACCEPT" | "DECLINE") => Promise<void> }) {
  const [complaint, setComplaint] = useState("");
  const [asking, setAsking] = useState(false);
  // Not kept for later as acts are: a late answer is worth nothing.
  const say = (answer: "ACCEPT" | "DECLINE") => {
    setAsking(true);
    onAnswer(answer)
      .catch((error: unknown) => setComplaint(error instanceof Error ? error.message : String(error)))
      .finally(() => setAsking(false));
  };
  return (
    <>
      {complaint && <p role="alert">{complaint}</p>}
      <p className="acts">
        <button type="button" className="wide" disabled={asking} onClick={() => say("ACCEPT")}>
          I take it
        </button>
        <button type="button" className="less" disabled={asking} onClick={() => say("DECLINE")}>
          No
        </button>
      </p>
    </>
  );
}
