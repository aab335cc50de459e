/** What can go wrong between a program and Doorstep, as two errors: the server did not answer, or it said no. */

/** An error of the transport or at the top level of an answer. `code` is one of the API's, such as `FORBIDDEN`. */
export class DoorstepError extends Error {
  override readonly name = "DoorstepError";
  readonly code: string;
  /** What came with the code, such as `retryAfterMs`, a `reference` for the operator, or a fresh `cursor`. */
  readonly extensions: Readonly<Record<string, unknown>>;

  constructor(code: string, message: string, extensions: Record<string, unknown> = {}, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.extensions = extensions;
  }

  /** Whether the same request may succeed a little later. */
  get passes(): boolean {
    return ["UNAVAILABLE", "TIMEOUT", "RATE_LIMITED"].includes(this.code);
  }

  /** Milliseconds that the server asks to wait; 0 when it does not say. */
  get retryAfterMs(): number {
    const { retryAfterMs } = this.extensions;
    return typeof retryAfterMs === "number" ? retryAfterMs : 0;
  }
}

/** One reason of a refusal, as every payload carries them. */
export interface Problem {
  code: string;
  message: string;
}

/** A mutation was refused: nothing was written, `problems` say what to do. */
export class Refused extends Error {
  override readonly name = "Refused";
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(({ code, message }) => `${code}: ${message}`).join("\n"));
    this.problems = problems;
  }
}

/** The payload of a mutation that was carried out; throws Refused for one that was not. */
export function accepted<Payload extends { problems: readonly Problem[] }>(payload: Payload | null): Payload {
  if (payload === null) {
    throw new DoorstepError("INTERNAL", "The answer holds no payload");
  }
  if (payload.problems.length > 0) {
    throw new Refused(payload.problems);
  }
  return payload;
}

interface WireError {
  message: string;
  extensions?: unknown;
}

/** The first error of an answer; the others seldom say more. */
export function fromErrors(errors: readonly WireError[]): DoorstepError {
  const { message = "The server gave no reason", extensions } = errors[0] ?? {};
  const known = typeof extensions === "object" && extensions !== null ? { ...extensions } : {};
  const code = "code" in known && typeof known.code === "string" ? known.code : "INTERNAL";
  return new DoorstepError(code, message, known);
}

const CLOSE_CODES: Readonly<Record<number, string>> = {
  4400: "BAD_USER_INPUT",
  4401: "UNAUTHENTICATED",
  4403: "UNAUTHENTICATED",
  4406: "BAD_USER_INPUT",
  4429: "RATE_LIMITED",
};

/** Why a WebSocket closed. A code without a meaning of its own is a lost connection or a restart, which pass. */
export function fromClose(code: number, reason: string): DoorstepError {
  return new DoorstepError(CLOSE_CODES[code] ?? "UNAVAILABLE", reason || `The connection was lost (${code})`);
}
