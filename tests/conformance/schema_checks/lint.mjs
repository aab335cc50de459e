// graphql-eslint on an SDL file: `node lint.mjs SCHEMA` prints what is wrong, as JSON, and the exceptions that nothing needs any longer.
import { readFileSync } from "node:fs";
import graphql from "@graphql-eslint/eslint-plugin";
import { Linter } from "eslint";

/** Values that live inside another object, and the one there is of each company: they have no id to be asked for by. */
const VALUES = [
  "Actor", "Address", "Assignment", "AuditChange", "BlockedVehicleKind", "Break", "Capacity", "Compartment", "CompartmentLoad", "Contact", "Coordinates",
  "DispatchPolicy", "DroppedOrder", "ErasureCount", "Eta", "EventStreamItem", "ForecastStop", "Load", "OpeningHours", "OrderAction",
  "OrderStreamItem", "PlanChangeCounts", "PlanComparison", "PlanLateness", "PlanOrderChange", "PlanProgress", "PlanSavings",
  "PlanScenario", "PlanScenarioLeft", "PlanScenarioRoute", "PlanSimulation", "PlanSummary", "Policies", "Position",
  "PositionStreamItem", "Problem", "ProofRequirement", "PublicTracking", "Quotas", "Relaxation", "RelaxationChange", "Retention", "RouteChangePreview",
  "RouteFault", "RouteForecast", "RouteSummary", "SandboxClock", "SumsDifference", "TenderArea", "TenderPickup", "TenderStreamItem",
  "TimeWindow", "TrackedVehicle", "TravelTimeFactor", "UnassignedOrder", "UnassignedReason", "Usage", "UsageDay", "VehicleCosts", "VehiclePosition",
  "Viewer", "Waypoint",
];

/** Known by the hash of its text, which its maker works out: an id of ours beside it would be a second name. */
const HASHED = ["PersistedDocument"];

/** What is reported and stays, each with its reason. */
const EXCEPTIONS = [
  { rule: "require-description", says: 'directive "oneOf"', why: "GraphQL's own directive: the specification describes it" },
  { rule: "relay-edge-types", on: "PersistedDocumentEdge", why: "a PersistedDocument is no Node, since it has no id of ours" },
  { rule: "relay-edge-types", on: "UnassignedOrderEdge", why: "an UnassignedOrder is a value of its plan: it tells why, and the order in it is the Node" },
  { rule: "relay-edge-types", on: "PlanOrderChangeEdge", why: "a PlanOrderChange is a value between two plans: the order in it is the Node" },
];

const RULES = {
  ...graphql.configs["flat/schema-recommended"].rules,
  ...graphql.configs["flat/schema-relay"].rules,
  // Lists of values are short and whole ([Problem!]!): only what can grow is a connection.
  "@graphql-eslint/relay-edge-types": ["error", { listTypeCanWrapOnlyEdgeType: false }],
  // The event log is read forward, and a plan's routes and leftovers as well; Relay asks for one direction at least.
  "@graphql-eslint/relay-arguments": ["error", { includeBoth: false }],
  "@graphql-eslint/strict-id-in-types": [
    "error",
    { exceptions: { types: ["PageInfo", ...VALUES, ...HASHED], suffixes: ["Connection", "Edge", "Payload", "Result"] } },
  ],
  // Beyond the two sets. Not require-deprecation-date: it wants an argument that GraphQL's @deprecated does not have; see gate.py.
  "@graphql-eslint/input-name": ["error", { checkInputType: true, caseSensitiveInputType: false }],
  "@graphql-eslint/require-nullable-result-in-root": "error",
  "@graphql-eslint/no-scalar-result-type-on-mutation": "error",
};

const text = readFileSync(process.argv[2], "utf8");
const messages = new Linter().verify(
  text,
  {
    files: ["**/*.graphql"],
    languageOptions: { parser: graphql.parser, parserOptions: { graphQLConfig: { schema: process.argv[2] } } },
    plugins: { "@graphql-eslint": graphql },
    rules: RULES,
  },
  "schema.graphql",
);

const lines = text.split("\n");
const headOf = (line) => lines.slice(0, line).findLast((each) => /^(type|interface|input|enum|union|scalar|directive) /.test(each)) ?? "";
const nameAt = (line) => headOf(line).split(/[ (]/)[1];
const excepts = (exception, message) =>
  message.ruleId === `@graphql-eslint/${exception.rule}` &&
  (exception.on ? nameAt(message.line) === exception.on : message.message.includes(exception.says));
const used = new Set();
const wrong = messages.filter((message) => {
  const found = EXCEPTIONS.find((exception) => excepts(exception, message));
  if (found) used.add(found);
  return !found;
});
const known = new Set(lines.map((line) => /^type (\w+)/.exec(line)?.[1]));
console.log(
  JSON.stringify({
    wrong: wrong.map((message) => `${nameAt(message.line)}: ${message.message} (${message.ruleId}, line ${message.line})`),
    idle: [
      ...EXCEPTIONS.filter((exception) => !used.has(exception)).map((exception) => exception.why),
      ...[...VALUES, ...HASHED].filter((name) => !known.has(name)),
    ],
  }),
);
