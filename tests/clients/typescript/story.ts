/**
 * The main story, by the typed client: orders come in, are planned, dispatched and delivered, and a subscriber sees it.
 *
 * Reads DOORSTEP_URL and DOORSTEP_KEY; writes one line of JSON with what it saw.
 */

import assert from "node:assert/strict";
import { env } from "node:process";

import { accepted, Doorstep, DoorstepError, Refused } from "../../../src/portal/client/index.ts";
import {
  AdvanceStopDocument,
  CommitPlanDocument,
  CreateAccessTokenDocument,
  CreateDepotDocument,
  CreateDriverDocument,
  CreateOrderDocument,
  CreatePlanDocument,
  CreateShiftDocument,
  CreateVehicleDocument,
  DispatchRouteDocument,
  OrdersDocument,
  PlanProgressDocument,
  ViewerDocument,
  WatchDocument,
  type CreateOrderInput,
  type StopAct,
} from "./documents.ts";

const url = env["DOORSTEP_URL"] ?? "";
const office = new Doorstep({ url, token: env["DOORSTEP_KEY"] ?? "" });

/** A value that the server gave along with an empty list of problems. */
function there<Value>(value: Value | null | undefined): Value {
  assert(value !== null && value !== undefined);
  return value;
}

function orderTo(reference: string, latitude: number): CreateOrderInput {
  return {
    reference,
    idempotencyKey: `story-${reference}`,
    dropoff: {
      address: { line1: "Städtle 49", city: "Vaduz", postalCode: "9490", country: "LI" },
      coordinates: { latitude, longitude: 9.5209 },
    },
  };
}

async function setUp(): Promise<string> {
  const place = {
    address: { line1: "Städtle 1", city: "Vaduz", postalCode: "9490", country: "LI" },
    coordinates: { latitude: 47.139, longitude: 9.5215 },
  };
  const { createDepot } = await office.ask(CreateDepotDocument, { input: { name: "Shop", ...place } });
  const depotId = there(accepted(createDepot).depot).id;
  const { createVehicle } = await office.ask(CreateVehicleDocument, {
    input: { name: "Bike 1", kind: "BICYCLE", depotId, capacity: { items: 20 } },
  });
  const vehicleId = there(accepted(createVehicle).vehicle).id;
  const { createDriver } = await office.ask(CreateDriverDocument, { input: { name: "Ada" } });
  const driverId = there(accepted(createDriver).driver).id;
  const start = new Date();
  const end = new Date(start.getTime() + 6 * 3600 * 1000);
  const { createShift } = await office.ask(CreateShiftDocument, {
    input: { driverId, vehicleId, depotId, start: start.toISOString(), end: end.toISOString() },
  });
  return there(accepted(createShift).shift).id;
}

async function takeOrders(): Promise<string[]> {
  const ids: string[] = [];
  for (const [number, latitude] of [47.141, 47.142, 47.1435].entries()) {
    const input = orderTo(`TS-${number + 1}`, latitude);
    const { createOrder } = await office.ask(CreateOrderDocument, { input });
    const again = await office.ask(CreateOrderDocument, { input });
    const order = there(accepted(createOrder).order);
    assert.equal(there(accepted(again.createOrder).order).id, order.id, "the same key makes the same order");
    ids.push(order.id);
  }
  return ids;
}

async function plan(orderIds: string[], shiftId: string): Promise<string> {
  const { createPlan } = await office.ask(CreatePlanDocument, { input: { orderIds, shiftIds: [shiftId] } });
  const planId = there(accepted(createPlan).plan).id;
  let last = "";
  for await (const { planProgress } of office.subscribe(PlanProgressDocument, { id: planId })) {
    last = planProgress.status;
  }
  assert.equal(last, "PROPOSED");
  const { commitPlan } = await office.ask(CommitPlanDocument, { input: { planId } });
  return there(there(accepted(commitPlan).plan).routes.nodes[0]).id;
}

async function drive(routeId: string): Promise<void> {
  const { dispatchRoute } = await office.ask(DispatchRouteDocument, { input: { routeId } });
  for (const { id, kind } of there(accepted(dispatchRoute).route).stops) {
    const acts: StopAct[] = kind === "DEPOT_START" ? ["COMPLETE"] : ["DEPART", "ARRIVE", "COMPLETE"];
    for (const act of acts) {
      const { advanceStop } = await office.ask(AdvanceStopDocument, { input: { stopId: id, act, actId: `${id}-${act}` } });
      accepted(advanceStop);
    }
  }
}

/** Every status that the orders came to, in the order of the log, until so many are delivered. */
async function watch(deliveries: number, ready: () => void): Promise<string[]> {
  const seen: string[] = [];
  for await (const { kind, event } of office.resumeEvents(WatchDocument)) {
    if (kind === "CAUGHT_UP") {
      ready();
    } else if (event?.__typename === "OrderStatusChanged") {
      seen.push(`${event.order?.reference} ${event.to}`);
      if (seen.filter((line) => line.endsWith("DELIVERED")).length === deliveries) {
        break;
      }
    }
  }
  return seen;
}

async function refusalsAreTyped(): Promise<void> {
  const { createOrder } = await office.ask(CreateOrderDocument, { input: { ...orderTo("TS-1", 47.2), idempotencyKey: null } });
  assert.throws(() => accepted(createOrder), (error) => error instanceof Refused && error.problems[0]?.code === "DUPLICATE_REFERENCE");
  const stranger = new Doorstep({ url, token: "dst_nobody" });
  await assert.rejects(stranger.ask(ViewerDocument), isUnauthenticated);
  await assert.rejects(stranger.resumeEvents(WatchDocument).next(), isUnauthenticated);
  const { createAccessToken } = await office.ask(CreateAccessTokenDocument, { input: { scopes: ["orders:read"] } });
  const portal = new Doorstep({ url, token: async () => there(accepted(createAccessToken).secret) });
  assert.deepEqual(there((await portal.ask(ViewerDocument)).viewer).scopes, ["orders:read"]);
}

function isUnauthenticated(error: unknown): boolean {
  return error instanceof DoorstepError && error.code === "UNAUTHENTICATED" && !error.passes;
}

const { viewer } = await office.ask(ViewerDocument);
let caughtUp = () => {};
const ready = new Promise<void>((resolve) => (caughtUp = resolve));
const watching = watch(3, caughtUp);
await ready;
const shiftId = await setUp();
const orderIds = await takeOrders();
await drive(await plan(orderIds, shiftId));
const seen = await watching;
await refusalsAreTyped();
const { orders } = await office.ask(OrdersDocument, { filter: { statuses: ["DELIVERED"] } });
const delivered = there(orders).nodes.map(({ reference }) => reference).sort();
await office.close();
console.log(JSON.stringify({ tenant: there(viewer).tenant.name, delivered, seen }));
