/** The GraphiQL page: a bar for the API key above GraphiQL itself. */

import { GraphiQL } from "graphiql";
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import { StrictMode, useEffect, useMemo, useState, type FormEvent } from "react";
import { createRoot } from "react-dom/client";

import { readExamples } from "./examples";
import { connect } from "./fetcher";
import "./page.css";
import { keepToken, readToken } from "./token";

interface TokenBarProps {
  token: string;
  onToken(token: string): void;
}

function TokenBar({ token, onToken }: TokenBarProps) {
  const [typed, setTyped] = useState("");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    onToken(keepToken(typed));
    setTyped("");
  };

  if (token !== "") {
    return (
      <form className="token-bar" onSubmit={submit}>
        <strong>Doorstep</strong>
        <span role="status">Signed in with the key …{token.slice(-4)}, kept until this tab closes.</span>
        <button type="submit">Forget key</button>
      </form>
    );
  }
  return (
    <form className="token-bar" onSubmit={submit}>
      <strong>Doorstep</strong>
      <label htmlFor="token">API key</label>
      <input
        id="token"
        type="password"
        autoComplete="off"
        placeholder="paste the key that doorstep demo or doorstep key printed"
        value={typed}
        onChange={(event) => setTyped(event.target.value)}
      />
      <button type="submit">Use key</button>
    </form>
  );
}

function Page({ tabs }: { tabs: Awaited<ReturnType<typeof readExamples>> }) {
  const [token, setToken] = useState(readToken);
  const connection = useMemo(() => connect(token), [token]);
  useEffect(() => () => connection.close(), [connection]);

  // Another key may see another schema and must not show the last one's answers: the key makes a new GraphiQL.
  return (
    <>
      <TokenBar token={token} onToken={setToken} />
      <main className="graphiql-frame">
        <GraphiQL
          key={token}
          fetcher={connection.fetcher}
          defaultTabs={tabs}
          defaultEditorToolsVisibility="variables"
          showPersistHeadersSettings={false}
        />
      </main>
    </>
  );
}

async function start(root: HTMLElement) {
  const tabs = await readExamples();
  createRoot(root).render(
    <StrictMode>
      <Page tabs={tabs} />
    </StrictMode>,
  );
}

const root = document.getElementById("root");
if (root !== null) {
  void start(root);
}
