/** How GraphiQL reaches the server: HTTP for queries and mutations, graphql-transport-ws for subscriptions. */

import { createGraphiQLFetcher, type Fetcher } from "@graphiql/toolkit";
import { createClient } from "graphql-ws";

import { credentials } from "./token";

export interface Connection {
  fetcher: Fetcher;
  close(): void;
}

const HTTP_ADDRESS = new URL("/graphql", window.location.href);
const SOCKET_ADDRESS = new URL("/graphql", window.location.href);
SOCKET_ADDRESS.protocol = SOCKET_ADDRESS.protocol === "https:" ? "wss:" : "ws:";

/** Opens no socket before the first subscription. */
export function connect(token: string): Connection {
  const socket = createClient({
    url: SOCKET_ADDRESS.href,
    lazy: true,
    connectionParams: () => credentials(token),
    shouldRetry: () => true,
    retryAttempts: 5,
  });
  const fetcher = createGraphiQLFetcher({
    url: HTTP_ADDRESS.href,
    headers: { Accept: "application/graphql-response+json, application/json;q=0.9", ...credentials(token) },
    wsClient: socket,
  });
  return { fetcher, close: () => void socket.dispose() };
}
