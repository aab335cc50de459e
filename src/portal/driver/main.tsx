/** The driver's page: the stops of the route in order, and everything that is done at them. It works on when the network does not. */

import { StrictMode, useCallback, useEffect, useMemo, useState } from "react";
import { createRoot } from "react-dom/client";

import { Doorstep } from "../client/index.ts";
import { useDay } from "./day.ts";
import "./driver.css";
import { forget, takeToken } from "./kept.ts";
import { Manifest } from "./manifest.tsx";
import { RoutePage } from "./route_page.tsx";

function Driver() {
  const [token, setToken] = useState(takeToken);
  useEffect(() => {
    const take = () => setToken(takeToken());
    window.addEventListener("hashchange", take);
    return () => window.removeEventListener("hashchange", take);
  }, []);
  const end = useCallback(() => {
    forget();
    setToken("");
  }, []);
  if (token === "") {
    return (
      <main className="message">
        <h1>This page needs a link</h1>
        <p>Your dispatcher sends you a link for each day. The one that you had is used up, or was revoked: ask for a new one.</p>
      </main>
    );
  }
  return <Day key={token} token={token} onEnd={end} />;
}

function Day({ token, onEnd }: { token: string; onEnd: () => void }) {
  const doorstep = useMemo(() => new Doorstep({ url: window.location.origin, token }), [token]);
  useEffect(() => () => void doorstep.close(), [doorstep]);
  const working = useDay(doorstep, onEnd);
  return window.location.pathname.endsWith("/manifest") ? <Manifest {...working} /> : <RoutePage {...working} />;
}

/** Lets the page open without a network: its own files are kept, which the first visit has loaded before anything watched. */
async function keepPage(): Promise<void> {
  if (!("serviceWorker" in navigator)) {
    return;
  }
  await navigator.serviceWorker.register("/driver/worker.js", { scope: "/driver" });
  const files = performance.getEntriesByType("resource").map(({ name }) => name);
  const own = files.filter((name) => name.startsWith(`${window.location.origin}/static/pages/`));
  const kept = await caches.open("doorstep-driver");
  await kept.addAll(["/driver", "/driver/manifest", ...own]);
}

const root = document.getElementById("root");
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <Driver />
    </StrictMode>,
  );
  // Where it cannot be kept (no secure connection, no space), the page is only less patient.
  window.addEventListener("load", () => void keepPage().catch(() => undefined));
}
