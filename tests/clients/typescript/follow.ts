/**
 * Follows the event log by resumeEvents() until its input ends, over everything that befalls the server meanwhile.
 *
 * Reads DOORSTEP_URL and DOORSTEP_KEY; writes a line of JSON for each item and for each interruption.
 */

import { env, stdin } from "node:process";

import { Doorstep } from "../../../src/portal/client/index.ts";
import { WatchDocument } from "./documents.ts";

const enough = new AbortController();
stdin.on("end", () => enough.abort()).resume();

const doorstep = new Doorstep({ url: env["DOORSTEP_URL"] ?? "", token: env["DOORSTEP_KEY"] ?? "" });
const items = doorstep.resumeEvents(WatchDocument, {
  signal: enough.signal,
  onInterrupted: ({ code, message }) => console.log(JSON.stringify({ interrupted: `${code}: ${message}` })),
});
for await (const { kind, cursor, event } of items) {
  console.log(JSON.stringify({ kind, cursor, id: event?.id ?? null }));
}
await doorstep.close();
