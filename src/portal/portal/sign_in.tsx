/** Signing in: an access token that the company's backend made, pasted once. */

import { useState, type FormEvent } from "react";

interface SignInProps {
  /** Why the last token went, if it did. */
  reason: string;
  onToken: (token: string) => void;
}

export function SignIn({ reason, onToken }: SignInProps) {
  const [typed, setTyped] = useState("");
  const [complaint, setComplaint] = useState("");

  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (/^(bearer\s+)?dsk_/i.test(typed.trim())) {
      setComplaint("That is an API key. Keys stay with your backend: paste an access token (dst_…) that it makes.");
    } else if (typed.trim() !== "") {
      onToken(typed);
    }
  };

  return (
    <main className="sign-in">
      <form onSubmit={submit}>
        <h1>Doorstep portal</h1>
        <p>
          Paste an access token. Your backend makes one with <code>createAccessToken</code>; the scopes{" "}
          <code>orders:read</code>, <code>events:read</code>, <code>planning:read</code> and <code>fleets:read</code>{" "}
          show everything here.
        </p>
        {(complaint || reason) && <p role="alert">{complaint || reason}</p>}
        <label htmlFor="token">Access token</label>
        <input
          id="token"
          type="password"
          autoComplete="off"
          autoFocus
          placeholder="dst_…"
          value={typed}
          onChange={(event) => setTyped(event.target.value)}
        />
        <button type="submit">Sign in</button>
        <p className="quiet">Kept until this tab closes; never part of an address.</p>
      </form>
    </main>
  );
}
