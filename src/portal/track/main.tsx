/** The recipient's page: where their delivery is, as it changes. It shows what the link in a message lets them see, and keeps nothing. */

import { StrictMode, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";

import type { ShownFragment } from "./documents.ts";
import { readToken, useFollowing, type Link } from "./following.ts";
import { clockOf, type Clock } from "./times.ts";
import "./track.css";
import { HEADINGS, metersWords, PROOFS, STEPS, stepOf, stopsWords, TROUBLES } from "./words.ts";

function Track() {
  const [token, setToken] = useState(readToken);
  useEffect(() => {
    const take = () => setToken(readToken());
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);
  return token === "" ? <NoLink /> : <Followed key={token} token={token} />;
}

function NoLink() {
  return (
    <main className="message">
      <h1>This page needs a link</h1>
      <p>Open it from the message that you were sent about your delivery.</p>
    </main>
  );
}

function Followed({ token }: { token: string }) {
  const { order, link } = useFollowing(token);
  if (link === "over") {
    return (
      <main className="message">
        <h1>This link is not good any more</h1>
        <p>A link ends two days after the delivery, or when the company sends another. Ask the company that sent it to you.</p>
      </main>
    );
  }
  if (order === null) {
    return (
      <main className="message" aria-busy="true">
        <p>{link === "interrupted" ? "There is no connection. This page tries again." : "One moment…"}</p>
      </main>
    );
  }
  return <Delivery order={order} link={link} />;
}

function Delivery({ order, link }: { order: ShownFragment; link: Link }) {
  const clock = useMemo(() => clockOf(order.timeZone), [order.timeZone]);
  const heading = HEADINGS[order.status] ?? "Your delivery";
  useEffect(() => {
    document.title = `${heading}: ${order.merchantName}`;
  }, [heading, order.merchantName]);
  return (
    <>
      <header className="bar">
        <strong>{order.merchantName}</strong>
      </header>
      <p className="line" role="status">
        {link === "interrupted" ? "No connection: this may be old." : ""}
      </p>
      <main>
        <section className="card" aria-live="polite">
          <h1>{heading}</h1>
          <Arrival order={order} clock={clock} />
          <Steps status={order.status} />
        </section>
        {order.window !== null && order.status !== "DELIVERED" && order.status !== "CANCELLED" ? (
          <section className="card quiet">
            <h2>Agreed time</h2>
            <p className="window">{clock.range(order.window)}</p>
          </section>
        ) : null}
      </main>
      {order.attribution !== null ? <footer>{order.attribution}</footer> : null}
    </>
  );
}

/** What is most worth knowing: when it comes, or how it ended. */
function Arrival({ order, clock }: { order: ShownFragment; clock: Clock }) {
  const proofs = order.proofs.flatMap((kind) => PROOFS[kind] ?? []);
  return (
    <>
      {order.expected !== null && order.status !== "AT_THE_DOOR" ? (
        <p className="expected">Expected {clock.range(order.expected)}</p>
      ) : null}
      {order.stopsBefore !== null && order.status === "ON_THE_WAY" ? <p>{stopsWords(order.stopsBefore)}</p> : null}
      {order.vehicle !== null && order.vehicle.metersAway !== null && order.status !== "AT_THE_DOOR" ? (
        <p className="near">
          The vehicle is {metersWords(order.vehicle.metersAway)}, as of {clock.time(order.vehicle.seenAt)}.
        </p>
      ) : null}
      {order.trouble !== null ? <p>{TROUBLES[order.trouble] ?? ""}</p> : null}
      {order.failedTries > 0 && order.trouble === null && order.deliveredAt === null ? (
        <p>{order.failedTries === 1 ? "It was tried once before." : `It was tried ${order.failedTries} times before.`}</p>
      ) : null}
      {order.deliveredAt !== null ? <p className="delivered">{clock.moment(order.deliveredAt)}</p> : null}
      {proofs.length > 0 ? <p className="proofs">Confirmed by {proofs.join(", ")}.</p> : null}
    </>
  );
}

function Steps({ status }: { status: ShownFragment["status"] }) {
  const reached = stepOf(status);
  if (reached < 0) {
    return null;
  }
  return (
    <ol className="steps">
      {STEPS.map(({ words }, index) => (
        <li
          key={words}
          className={index <= reached ? "done" : ""}
          {...(index === reached ? { "aria-current": "step" as const } : {})}
        >
          {words}
        </li>
      ))}
    </ol>
  );
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Track />
    </StrictMode>,
  );
}
